"""The record of a build of the corpus."""

import json

import pytest

from eval.results.build_record import BuiltWiki, read_build_record, total_counts
from spark_jobs.common.errors import ConfigurationError


def test_a_missing_record_is_named_with_the_command_that_writes_it(tmp_path):
    with pytest.raises(ConfigurationError, match=r"^corpus: .*_build\.json does not exist .*python -m spark_jobs\.build"):
        read_build_record(tmp_path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda record: "{", "the file: Invalid JSON"),
        (lambda record: json.dumps(record | {"seconds": "soon"}), "seconds: Input should be a valid number"),
        (lambda record: json.dumps({key: record[key] for key in record if key != "wikis"}), "wikis: Field required"),
    ],
)
def test_a_damaged_record_is_named_with_its_field(demo, change, problem):
    path = demo / "corpus" / "_build.json"
    path.write_text(change(json.loads(path.read_text())))
    with pytest.raises(ConfigurationError, match=rf"^corpus: .*_build\.json cannot be read as the record of a build: {problem}"):
        read_build_record(demo / "corpus")


def test_the_record_has_wikis_and_stages(demo):
    record = read_build_record(demo / "corpus")
    assert {name: wiki.articles for name, wiki in record.wikis.items()} == {"jawiki": 3, "arwiki": 1}
    assert [(stage.stage, stage.skipped) for stage in record.stages] == [("extract", False), ("align", True)]


COUNTS = ("pages", "other_namespaces", "articles", "redirects", "rejects", "links", "characters", "tokens")


@pytest.mark.parametrize(
    ("pivot", "wikis", "named"),
    [
        ("en", [], 0),
        ("en", [{"en": 3, "fr": 1}], 3),
        ("en", [{"en": 3}, {"fr": 5}], 3),
        ("fr", [{"en": 3, "fr": 1}, {"fr": 5}], 6),
    ],
)
def test_counts_are_added_up_and_names_of_one_language(pivot, wikis, named):
    built = [BuiltWiki(**dict.fromkeys(COUNTS, number), links_with_name=names) for number, names in enumerate(wikis, 1)]
    assert total_counts(iter(built), pivot) == dict.fromkeys(COUNTS, sum(range(len(wikis) + 1))) | {"named": named}
