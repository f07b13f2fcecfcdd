"""A build with and without the optional SQL tables of its dump."""

import gzip
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from spark_jobs.config import CorpusSettings
from spark_jobs.extraction.optional_files import LOSSES
from spark_jobs.stages import extract_stage as extract

WIKI = "eswiki"
PAGE = """CREATE TABLE `page` (
  `page_id` int(8) unsigned NOT NULL,
  `page_namespace` int(11) NOT NULL,
  `page_title` varbinary(255) NOT NULL,
  `page_is_redirect` tinyint(1) unsigned NOT NULL
) ENGINE=InnoDB;
INSERT INTO `page` VALUES (1,0,'Sol',0),(901,10,'Lengua',1),(902,10,'Otra_cosa',1),(903,0,'Lengua',1),(904,10,'Lang',0);
"""
REDIRECT = """CREATE TABLE `redirect` (
  `rd_from` int(8) unsigned NOT NULL,
  `rd_namespace` int(11) NOT NULL,
  `rd_title` varbinary(255) NOT NULL,
  `rd_interwiki` varbinary(32) DEFAULT NULL
) ENGINE=InnoDB;
INSERT INTO `redirect` VALUES (901,10,'Lang',NULL),(902,10,'Nada',NULL),(903,0,'Idioma',NULL);
"""
PAGE_PROPS = """CREATE TABLE `page_props` (
  `pp_page` int(8) NOT NULL,
  `pp_propname` varbinary(60) NOT NULL,
  `pp_value` blob NOT NULL
) ENGINE=InnoDB;
INSERT INTO `page_props` VALUES (%d,'disambiguation',''),(%d,'wikibase_item','Q1');
"""


@pytest.fixture
def settings(demo_settings: CorpusSettings, sample: Path, tmp_path: Path) -> CorpusSettings:
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    for file in (sample / "dumps").glob(f"{WIKI}-*"):
        shutil.copy(file, dumps)
    return demo_settings.model_copy(update={"dumps_dir": str(dumps), "wikis": [WIKI], "output_dir": str(tmp_path / "out")})


def put(settings: CorpusSettings, table: str, sql: str) -> None:
    (Path(settings.dumps_dir) / f"{WIKI}-20240101-{table}.sql.gz").write_bytes(gzip.compress(sql.encode()))


def disambiguations(settings: CorpusSettings) -> set[int]:
    rows = pq.read_table(Path(settings.output_dir) / "articles" / f"wiki={WIKI}", partitioning=None)
    return {row["page_id"] for row in rows.select(["page_id", "is_disambiguation"]).to_pylist() if row["is_disambiguation"]}


def test_missing_files_are_printed_with_their_losses_and_counted(spark, settings, capsys) -> None:
    manifest = extract.extract_wiki(spark, settings, WIKI).manifests[0]
    printed = " ".join(capsys.readouterr().err.split())
    for name, loss in LOSSES.items():
        assert f"{WIKI}: no {name} of 20240101: {loss}" in printed
    assert manifest.counters["optional_inputs_missing"] == 4
    assert manifest.counters["template_redirects"] == 0


def test_page_props_replace_templates_as_the_mark_of_disambiguations(spark, settings) -> None:
    extract.extract_wiki(spark, settings, WIKI)
    by_template = disambiguations(settings)
    assert by_template
    other = next(
        row["page_id"]
        for row in pq.read_table(Path(settings.output_dir) / "articles" / f"wiki={WIKI}", partitioning=None).to_pylist()
        if row["redirect_title"] is None and row["page_id"] not in by_template
    )
    put(settings, "page_props", PAGE_PROPS % (other, min(by_template)))
    result = extract.extract_wiki(spark, settings, WIKI)
    assert not result.skipped  # a new file changes the inputs
    assert disambiguations(settings) == {other}
    assert result.manifests[0].counters["optional_inputs_missing"] == 3


def test_redirects_between_templates_need_both_tables(spark, settings) -> None:
    put(settings, "page", PAGE)
    assert extract.extract_wiki(spark, settings, WIKI).manifests[0].counters["template_redirects"] == 0
    put(settings, "redirect", REDIRECT)
    # `Otra cosa` redirects to a template without a rule, and page 903 is not a template
    assert extract.extract_wiki(spark, settings, WIKI).manifests[0].counters["template_redirects"] == 1
