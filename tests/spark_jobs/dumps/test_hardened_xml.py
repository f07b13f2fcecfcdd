"""The parser of bytes from outside: it opens no file, expands no entity and keeps the limits of libxml2."""

from pathlib import Path

import pytest
from lxml import etree

from spark_jobs.dumps.hardened_xml import hardened_parser


def test_a_file_that_an_entity_names_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    xml = f'<!DOCTYPE a [<!ENTITY e SYSTEM "{(tmp_path / "secret").as_uri()}">]><a>&e;</a>'
    assert "".join(etree.fromstring(xml.encode(), hardened_parser()).itertext(with_tail=False, tag="a")) == ""


def test_an_entity_is_not_expanded() -> None:
    element = etree.fromstring(b'<!DOCTYPE a [<!ENTITY e "boom">]><a>x&e;</a>', hardened_parser())
    assert "".join(element.itertext(tag="a")) == "x"


def test_attributes_of_a_document_type_declaration_are_not_added(tmp_path: Path) -> None:
    (tmp_path / "x.dtd").write_text('<!ATTLIST a b CDATA "boom">', encoding="utf-8")
    xml = f'<!DOCTYPE a SYSTEM "{tmp_path}/x.dtd"><a/>'
    assert dict(etree.fromstring(xml.encode(), hardened_parser()).attrib) == {}


@pytest.mark.parametrize(
    "xml", [b"<a>" * 300 + b"</a>" * 300, b"<a>" + b"x" * 10_000_001 + b"</a>"], ids=["too deep", "too much text"]
)
def test_the_limits_of_libxml2_stay(xml: bytes) -> None:
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(xml, hardened_parser())
