"""The one reader of manifests: which ones it accepts, and the message for each one that it refuses."""

import re

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import MANIFEST, Manifest, Shard, find_manifests, read_manifest

EXAMPLE = Manifest(
    schema_version="1.0",
    table="names",
    partition={"wiki": "xwiki"},
    rows=2,
    bytes=10,
    row_hash="0" * 32,
    shards=[Shard(path="part-00000.parquet", rows=2, bytes=10, sha256="ab")],
    inputs=[],
    configuration={},
    code_version="x",
    counters={},
)


def write_manifest(folder, text):
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("place", [lambda path: path, lambda path: Location.of(str(path))], ids=["path", "location"])
def test_a_manifest_is_read_as_it_was_written(tmp_path, place) -> None:
    assert read_manifest(place(write_manifest(tmp_path / "names", EXAMPLE.model_dump_json()))) == EXAMPLE


def test_a_later_minor_version_with_further_fields_is_read(tmp_path) -> None:
    text = EXAMPLE.model_dump_json().replace('"1.0"', '"1.9"').replace('"rows":2,"bytes"', '"further":1,"rows":2,"bytes"')
    assert read_manifest(write_manifest(tmp_path / "names", text)).schema_version == "1.9"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"cannot be read as a manifest \(1 problems, first: Invalid JSON"),
        ("{}", r"cannot be read as a manifest \(11 problems, first: schema_version: Field required\): rebuild the table"),
        (EXAMPLE.model_dump_json().replace('"1.0"', '"2.0"'), r"has schema version '2\.0'; this code reads 1\.x: rebuild"),
    ],
    ids=["torn", "empty", "another major version"],
)
def test_a_manifest_that_cannot_be_used_is_refused_with_its_path(tmp_path, text, message) -> None:
    folder = write_manifest(tmp_path / "names", text)
    with pytest.raises(ConfigurationError, match=f"^{re.escape(str(folder / MANIFEST))} {message}"):
        read_manifest(folder)


def test_a_folder_without_a_manifest_is_not_published(tmp_path) -> None:
    with pytest.raises(
        ConfigurationError, match=rf"{MANIFEST} does not exist: nothing was published in {tmp_path}; run the stage"
    ):
        read_manifest(tmp_path)


def test_manifests_are_found_by_folder_except_below_names_with_an_underscore(tmp_path) -> None:
    other = EXAMPLE.model_copy(update={"partition": {"wiki": "ywiki"}})
    write_manifest(tmp_path / "names/wiki=ywiki", other.model_dump_json())
    for name in ("names/wiki=xwiki", "_staging/names-xwiki/ready", "encoded/_tokenizer"):
        write_manifest(tmp_path / name, EXAMPLE.model_dump_json())
    found = find_manifests(Location.of(str(tmp_path)))
    assert list(found.items()) == [("names/wiki=xwiki", EXAMPLE), ("names/wiki=ywiki", other)]


ENCODED = EXAMPLE.model_copy(update={"table": "encoded", "partition": {"tokenizer": "t", "pivot": "en", "wiki": "xwiki"}})
CONTRADICTIONS = [
    (EXAMPLE, "names/wiki=ywiki", "the folder is wiki=ywiki, its content is wiki='xwiki'"),
    (EXAMPLE, "names/wiki=", "the folder is wiki=, its content is wiki='xwiki'"),
    (EXAMPLE, "links/wiki=xwiki", "the folder is links/wiki=xwiki, its content is the table 'names'"),
    (ENCODED, "encoded/tokenizer=u/pivot=en/wiki=xwiki", "the folder is tokenizer=u, its content is tokenizer='t'"),
    (ENCODED, "encoded/tokenizer=t/pivot=fr/wiki=xwiki", "the folder is pivot=fr, its content is pivot='en'"),
    (ENCODED, "names/tokenizer=t/pivot=en/wiki=xwiki", "the folder is names/tokenizer=t, its content is the table 'encoded'"),
]


@pytest.mark.parametrize(("manifest", "folder", "message"), CONTRADICTIONS)
def test_a_folder_with_the_name_of_another_one_is_refused(tmp_path, manifest, folder, message) -> None:
    write_manifest(tmp_path / folder, manifest.model_dump_json())
    with pytest.raises(
        ConfigurationError, match=rf"belongs to another folder: {re.escape(message)}\. Give the folder its own name"
    ):
        read_manifest(tmp_path / folder)
    with pytest.raises(ConfigurationError, match="belongs to another folder"):
        find_manifests(Location.of(str(tmp_path)))


OWN = "encoded/tokenizer=t/pivot=en/wiki=xwiki"


@pytest.mark.parametrize("folder", [OWN, f"a=b/{OWN}", "copy"])
def test_a_folder_with_its_own_name_or_outside_a_corpus_is_read(tmp_path, folder) -> None:
    assert read_manifest(write_manifest(tmp_path / folder, ENCODED.model_dump_json())) == ENCODED
