"""Builds of many wikis in one run: in parallel, the largest first, and unaffected by a wiki that fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings
from spark_jobs.common.wiki_languages import wikipedia_codes
from spark_jobs.config import CorpusSettings
from spark_jobs.contract.manifest import MANIFEST, read_manifest
from spark_jobs.reports.build_summary import print_build_summary
from spark_jobs.stages.build_plan import plan_build
from spark_jobs.stages.build_stages import build

from .many_wikis import DATE, damage_last_stream, make_dumps

BROKEN, ABSENT, HUGE = "elwiki", "frwiki", "dewiki"


@pytest.fixture
def three_wikis(demo_settings: CorpusSettings, sample: Path, tmp_path: Path) -> CorpusSettings:
    """The configuration of three wikis in a temporary folder; frwiki has no dump."""
    (tmp_path / "dumps").mkdir()
    make_dumps(sample, tmp_path / "dumps", {"itwiki": 1, "ptwiki": 3})
    places = {"dumps_dir": str(tmp_path / "dumps"), "output_dir": str(tmp_path / "out"), "encode": None}
    return demo_settings.model_copy(update={**places, "wikis": ["frwiki", "itwiki", "ptwiki"]})


def test_a_plan_lists_the_largest_dump_first_and_names_wikis_without_a_dump(three_wikis) -> None:
    plan = plan_build(three_wikis)
    assert list(plan.sizes) == ["ptwiki", "itwiki"]
    assert plan.sizes["ptwiki"] > plan.sizes["itwiki"] > 0
    assert list(plan.failures) == ["frwiki"]
    assert "no complete dump of frwiki" in plan.failures["frwiki"].reason
    with pytest.raises(ConfigurationError, match="no complete dump of frwiki"):
        plan_build(three_wikis.model_copy(update={"wikis": ["frwiki"]}))
    with pytest.raises(ConfigurationError, match="did you mean"):
        plan_build(three_wikis.model_copy(update={"wikis": ["itwiki", "frwikii"]}))


def test_a_build_summary_has_the_built_wikis_and_the_failures(spark, three_wikis, tmp_path) -> None:
    damage_last_stream(tmp_path / "dumps", "itwiki")
    report = build(spark, three_wikis, plan_build(three_wikis))
    assert list(report["wikis"]) == ["ptwiki"]
    assert list(report["failures"]) == ["frwiki", "itwiki"]
    assert "itwiki-20240101-pages-articles-multistream.xml.bz2" in report["failures"]["itwiki"]["reason"]
    assert json.loads((tmp_path / "out/_build.json").read_text())["failures"] == report["failures"]
    assert "download" not in report["configuration"]


def test_a_build_whose_card_cannot_be_written_still_prints_and_writes_its_summary(spark, three_wikis, tmp_path, capfd) -> None:
    damaged = tmp_path / "out/names/wiki=frwiki" / MANIFEST
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    settings = three_wikis.model_copy(update={"wikis": ["itwiki"]})
    print_build_summary(build(spark, settings), settings)
    printed = capfd.readouterr().err
    assert "Result of the build" in printed
    assert "the dataset card was not written: " in printed
    assert f"{MANIFEST} cannot be read as a manifest" in printed
    assert json.loads((tmp_path / "out/_build.json").read_text())["wikis"]["itwiki"]["links"] > 0


# A build of sixty wikis, run as a command.


def uneven_sizes(count: int) -> dict[str, int]:
    """Wiki -> number of streams: one wiki has a third of all pages, the others have one to four streams."""
    names = sorted(code.replace("-", "_") + "wiki" for code in wikipedia_codes())
    chosen = [name for name in names if name not in (BROKEN, ABSENT, HUGE)][: count - 2]
    return {name: 1 + index % 4 for index, name in enumerate([BROKEN, *chosen])} | {HUGE: 80}


@pytest.fixture
def sixty_wikis(sample: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "dumps").mkdir()
    streams = uneven_sizes(60)
    make_dumps(sample, tmp_path / "dumps", streams)
    return [ABSENT, *streams]


def run_build(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200"}
    line = [sys.executable, "-m", "spark_jobs.build", *arguments]
    return subprocess.run(line, capture_output=True, text=True, cwd=folder, env=environment, check=False)


def read_files_of_wiki(folder: Path, wiki: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob(f"wiki={wiki}/*")}


@pytest.mark.slow
def test_sixty_wikis_are_built_in_one_run_although_one_is_damaged_and_one_is_missing(spark, sixty_wikis, tmp_path) -> None:
    undamaged = damage_last_stream(tmp_path / "dumps", BROKEN)
    (tmp_path / "events").mkdir()
    config = load_settings(
        CorpusSettings, None, [f"wikis=[{','.join(sixty_wikis)}]", f"dumps_dir={tmp_path}/dumps", "output_dir=out"]
    )
    conf = {"spark.eventLog.enabled": "true", "spark.eventLog.dir": str(tmp_path / "events"), "spark.eventLog.compress": "false"}
    logged = config.spark.model_copy(update={"master": "local[2]", "conf": {**conf, "spark.eventLog.rolling.enabled": "false"}})
    (tmp_path / "config.yaml").write_text(config.model_copy(update={"spark": logged}).to_yaml(), encoding="utf-8")

    first = run_build(["--config", "config.yaml"], tmp_path)
    assert first.returncode == 1, first.stderr[-3000:]
    assert "60 wikis, " in first.stderr
    assert f"the largest, {HUGE} (" in first.stderr
    assert "2 of 61 wikis failed; the tables of the others are complete:" in first.stderr
    assert f"{BROKEN}: {BROKEN}-{DATE}-pages-articles-multistream.xml.bz2" in first.stderr
    assert f"{ABSENT}: dumps_dir: '{tmp_path}/dumps': no complete dump of {ABSENT}" in first.stderr
    repeat = next(line for line in first.stderr.splitlines() if line.startswith("after fixing the cause, run:"))
    assert f"-m spark_jobs.build --config config.yaml --set 'wikis=[{BROKEN},{ABSENT}]'" in repeat
    assert "Traceback" not in first.stderr

    output = tmp_path / "out"
    report = json.loads((output / "_build.json").read_text())
    assert set(report["wikis"]) == set(sixty_wikis) - {ABSENT, BROKEN}
    assert report["parallel_wikis"] == 2
    for wiki in report["wikis"]:
        articles, augmented = (read_manifest(output / table / f"wiki={wiki}") for table in ("articles", "augmented"))
        assert articles.counters["pages"] == articles.counters["other_namespaces"] + articles.rows
        assert augmented.counters["links"] == report["wikis"][wiki]["links"] > 0
    assert not read_files_of_wiki(output, BROKEN)
    assert not list((output / "_staging").glob("[!_]*-" + HUGE))
    assert_ran_in_parallel(tmp_path / "events")

    (tmp_path / f"dumps/{BROKEN}-{DATE}-pages-articles-multistream.xml.bz2").write_bytes(undamaged)
    second = run_build(["--config", "config.yaml", "--set", f"wikis=[{BROKEN}]"], tmp_path)
    assert second.returncode == 0, second.stderr[-3000:]
    places = {"wikis": [HUGE], "dumps_dir": str(tmp_path / "dumps"), "output_dir": str(tmp_path / "alone")}
    build(spark, config.model_copy(update=places))
    assert read_files_of_wiki(output, HUGE) == read_files_of_wiki(tmp_path / "alone", HUGE)
    assert len(read_files_of_wiki(output, BROKEN)) >= 5


def assert_ran_in_parallel(events: Path) -> None:
    """Jobs ran in the pools of their wikis, those of the largest wiki at the same time as others."""
    [log] = events.iterdir()
    pools: dict[int, str] = {}
    spans: dict[int, list[int]] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["Event"] == "SparkListenerJobStart":
            pools[event["Job ID"]] = event["Properties"].get("spark.scheduler.pool", "")
            spans[event["Job ID"]] = [event["Submission Time"]]
        elif event["Event"] == "SparkListenerJobEnd":
            spans[event["Job ID"]].append(event["Completion Time"])
    assert set(pools.values()) >= set(uneven_sizes(60))
    huge = [spans[job] for job, pool in pools.items() if pool == HUGE]
    others = [span for job, span in spans.items() if pools[job] != HUGE]
    assert any(start < other[0] < end for start, end in huge for other in others)
    assert pools[min(pools)] in list(uneven_sizes(60))
    assert HUGE in [pools[job] for job in sorted(pools)[:4]]
