"""The settings of a build: validation, and the checks before Spark starts."""

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings
from spark_jobs.config import CorpusSettings
from spark_jobs.stages.build_plan import plan_build

DEMO = "conf/corpus/demo.yaml"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("pivots=[en, qqq]", "no Wikipedia has the language code 'qqq'"),
        ("pivots=[nb, no]", "'nb' and 'no' are the same language: both mean nowiki"),
        ("pivots=[]", "pivots"),
        ("pivots=[en, en]", "an entry is given twice"),
        ("encode.pivot=fr", "encode.pivot: 'fr' is not among pivots"),
        ("wikis=['../../x']", "wikis.0: '../../x' is not allowed"),
        ("encode.name=a/b", "letters, digits"),
        ("date=2024", "date: "),
        ("date=٢٠٢٤٠١٠١", "date: '٢٠٢٤٠١٠١' is not allowed"),
        ("date=２０２４０１０１", "date: '２０２４０１０１' is not allowed"),
        ('output_dir=""', "output_dir: '' is not allowed: the path is empty; write a folder or file"),
        ("dumps_dir=' '", "dumps_dir: ' ' is not allowed: the path is empty"),
        ('encode.tokenizer=""', "encode.tokenizer: '' is not allowed: the path is empty"),
        ("encode={name: a, tokenizer: b, name: c}", "the key 'name' is given twice"),
        ("mode=permissive", "mode: 'permissive' is not allowed"),
        ("extract.bytes_per_shard=0", "extract.bytes_per_shard: 0 is not allowed"),
        ("extract.tables=html", "extract.tables: 'html' is not allowed"),
        ("extract.math=mathml", "extract.math: 'mathml' is not allowed"),
        ("extract.variants={zhwiki: zh-tw}", "extract.variants names 'zhwiki', which is not among wikis: jawiki, eswiki"),
    ],
)
def test_an_invalid_value_is_refused(repository, override: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_settings(CorpusSettings, repository / DEMO, [override])


def test_numbers_and_booleans_of_yaml_are_accepted_as_text(repository) -> None:
    overrides = ["date=20240101", "spark.conf={spark.sql.shuffle.partitions: 8, spark.ui.enabled: true}", "pivots=[en, no]"]
    settings = load_settings(CorpusSettings, repository / DEMO, overrides)
    assert settings.date == "20240101"
    assert settings.spark.conf == {"spark.sql.shuffle.partitions": "8", "spark.ui.enabled": "true"}
    assert settings.pivots == ["en", "no"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("wikis=[jawikki]", "jawikki.*jawiki"),
        ("wikis=[frwiki]", "no complete dump of frwiki"),
        ("dumps_dir=/nowhere", "dumps_dir: '/nowhere' does not exist"),
        ("extract.variants={jawiki: ja-hani}", "extract.variants: jawiki has no language variant 'ja-hani'; it has: none"),
        ("encode.tokenizer=./none.json", "encode.tokenizer: './none.json': file .* not found"),
        ("output_dir=foo://bucket/x", "'foo://bucket/x' cannot be reached"),
    ],
)
def test_errors_are_found_before_spark_starts(repository, override: str, message: str) -> None:
    settings = load_settings(CorpusSettings, repository / DEMO, [f"dumps_dir={repository}/tests/sample/dumps", override])
    with pytest.raises(ConfigurationError, match=message):
        plan_build(settings)
