"""The profile of a wiki, corrected by the head of its dump and its siteinfo file."""

import gzip
import json
from typing import Any

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.dumps.siteinfo_file import read_siteinfo_file
from spark_jobs.extraction.corrected_profile import correct_profile, load_siteinfo_file
from spark_jobs.wikis import Namespace, SiteInfo, load_profile
from spark_jobs.wikitext import extract, normalise_title, parse_redirect

from ..dumps.siteinfo_response import api_response


def read_response(value: Any) -> SiteInfo:
    return read_siteinfo_file(json.dumps(value).encode(), "f.json")


WHOLE = gzip.compress(json.dumps(api_response(1)).encode())


def test_the_file_wins_over_the_head_of_the_dump_and_the_table() -> None:
    head = SiteInfo(
        "ruwiki", "ru", "", "case-sensitive", (Namespace(0, "first-letter", ""), Namespace(100, "first-letter", "Старое"))
    )
    profile = correct_profile(load_profile("ruwiki"), head, read_response(api_response(1)))
    assert profile.case == "first-letter"
    assert profile.namespace_names[100] == "Новое"
    assert {profile.namespaces[name] for name in ("новое", "fresh", "нв", "старое")} == {100}
    assert profile.namespaces["рисунок"] == profile.namespaces["изображение"] == 6
    assert normalise_title("fresh:икс", profile).text == "Новое:икс"
    assert parse_redirect("#Туда [[Кит]]", profile).target == "Кит"
    assert parse_redirect("#перенаправление [[Кит]]", profile) is None
    page = extract("__НОВОЕ__«[[кит]]ёя {{мелко:АБВ}}{{ИМЯ}}{{СОРТ:Кит}}[[Рисунок:x.png]]", profile)
    assert (page.text, page.templates) == ("«китёя абв", ())
    assert [page.text[link.start : link.end] for link in page.links] == ["«китё"]


def test_without_a_file_the_head_of_the_dump_counts() -> None:
    head = SiteInfo("ruwiki", "ru", "", "case-sensitive", (Namespace(100, "first-letter", "Старое"),))
    assert correct_profile(load_profile("ruwiki"), head, None) == load_profile("ruwiki").with_siteinfo(head)


def test_a_file_of_another_wiki_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="the dump belongs to 'ruwiki', the profile to 'ukwiki'"):
        correct_profile(load_profile("ukwiki"), read_response(api_response(2)))


def test_a_file_of_another_format_is_refused_by_name(tmp_path) -> None:
    path = tmp_path / "jawiki-20240101-siteinfo-namespaces.json.gz"
    path.write_bytes(b"x")
    with pytest.raises(ConfigurationError, match=r"jawiki-20240101-siteinfo-namespaces\.json\.gz cannot be used: it is not JSON"):
        load_siteinfo_file(Location.of(str(path)))


def test_a_file_is_read(tmp_path) -> None:
    path = tmp_path / "ruwiki-20240101-siteinfo-namespaces.json.gz"
    path.write_bytes(WHOLE)
    assert load_siteinfo_file(Location.of(str(path))) == read_response(api_response(2))
