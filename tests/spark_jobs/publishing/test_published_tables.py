"""Tables of an earlier stage: each message names the stage to run."""

import re

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import MANIFEST, Manifest
from spark_jobs.contract.table_schemas import NAMES
from spark_jobs.publishing.published_tables import find_published

EXAMPLE = Manifest(
    schema_version="1.0",
    table="names",
    partition={"wiki": "xwiki"},
    rows=0,
    bytes=0,
    row_hash="0" * 32,
    shards=[],
    inputs=[],
    configuration={},
    code_version="x",
    counters={},
)


def publish(corpus, text):
    folder = corpus / "names" / "wiki=xwiki"
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    return folder


def test_a_published_table_is_found_with_its_manifest(tmp_path) -> None:
    folder = publish(tmp_path, EXAMPLE.model_dump_json())
    found = find_published(Location.of(str(tmp_path)), NAMES, {"wiki": "xwiki"}, "align")
    assert found == (Location.of(str(folder)), EXAMPLE)


def test_a_missing_table_is_an_error_with_the_stage_and_the_wiki(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match=r"_manifest\.json does not exist: run the stage 'align' for xwiki first$"):
        find_published(Location.of(str(tmp_path)), NAMES, {"wiki": "xwiki"}, "align")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        EXAMPLE.model_dump_json().replace('"1.0"', '"2.0"'),
        EXAMPLE.model_dump_json().replace("xwiki", "ywiki"),
        EXAMPLE.model_dump_json().replace('"names"', '"links"'),
    ],
    ids=["torn", "another major version", "of another wiki", "of another table"],
)
def test_a_manifest_that_cannot_be_used_is_an_error_with_its_path_and_the_stage(tmp_path, text) -> None:
    folder = publish(tmp_path, text)
    with pytest.raises(ConfigurationError, match=f"^{re.escape(str(folder / MANIFEST))} .*run the stage 'align' again"):
        find_published(Location.of(str(tmp_path)), NAMES, {"wiki": "xwiki"}, "align")
