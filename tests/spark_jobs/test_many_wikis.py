"""Many wikis in one run: side by side, the largest first, and none of them held up by one that fails."""

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
from spark_jobs.stages.build_stages import build, check_before, show

from .many_wikis import DATE, damage_last_stream, make_dumps

BROKEN, ABSENT, HUGE = "elwiki", "frwiki", "dewiki"


@pytest.fixture
def session(spark):
    """The session of all tests, by another name where a test speaks of settings called spark."""
    return spark


@pytest.fixture
def three(demo_settings: CorpusSettings, sample: Path, tmp_path: Path) -> CorpusSettings:
    """Three wikis of which one has no dump, in a folder of the test's own."""
    (tmp_path / "dumps").mkdir()
    make_dumps(sample, tmp_path / "dumps", {"itwiki": 1, "ptwiki": 3})
    places = {"dumps_dir": str(tmp_path / "dumps"), "output_dir": str(tmp_path / "out"), "encode": None}
    return demo_settings.model_copy(update={**places, "wikis": ["frwiki", "itwiki", "ptwiki"]})


def test_a_plan_has_the_largest_dump_first_and_says_what_cannot_be_built(three) -> None:
    plan = check_before(three)
    assert list(plan.sizes) == ["ptwiki", "itwiki"]
    assert plan.sizes["ptwiki"] > plan.sizes["itwiki"] > 0
    assert list(plan.failures) == ["frwiki"]
    assert "no complete dump of frwiki" in plan.failures["frwiki"].reason
    with pytest.raises(ConfigurationError, match="no complete dump of frwiki"):
        check_before(three.model_copy(update={"wikis": ["frwiki"]}))
    with pytest.raises(ConfigurationError, match="did you mean"):
        check_before(three.model_copy(update={"wikis": ["itwiki", "frwikii"]}))


def test_a_report_has_what_was_built_and_what_was_not(spark, three, tmp_path) -> None:
    damage_last_stream(tmp_path / "dumps", "itwiki")
    report = build(spark, three, check_before(three))
    assert list(report["wikis"]) == ["ptwiki"]
    assert list(report["failures"]) == ["frwiki", "itwiki"]
    assert "itwiki-20240101-pages-articles-multistream.xml.bz2" in report["failures"]["itwiki"]["reason"]
    assert json.loads((tmp_path / "out/_build.json").read_text())["failures"] == report["failures"]
    assert "download" not in report["configuration"]


def test_a_card_that_cannot_be_written_hides_nothing_of_what_was_built(spark, three, tmp_path, capfd) -> None:
    torn = tmp_path / "out/names/wiki=frwiki" / MANIFEST
    torn.parent.mkdir(parents=True)
    torn.write_text("{")
    settings = three.model_copy(update={"wikis": ["itwiki"]})
    show(build(spark, settings), settings)
    told = capfd.readouterr().err
    assert "What was built" in told
    assert "no dataset card: " in told
    assert f"{MANIFEST} cannot be read as a manifest" in told
    assert json.loads((tmp_path / "out/_build.json").read_text())["wikis"]["itwiki"]["links"] > 0


# Sixty wikis, as a person runs them.


def uneven(count: int) -> dict[str, int]:
    """Wiki -> streams: one of a third of all pages, the others of one to four streams."""
    names = sorted(code.replace("-", "_") + "wiki" for code in wikipedia_codes())
    chosen = [name for name in names if name not in (BROKEN, ABSENT, HUGE)][: count - 2]
    return {name: 1 + index % 4 for index, name in enumerate([BROKEN, *chosen])} | {HUGE: 80}


@pytest.fixture
def sixty(sample: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "dumps").mkdir()
    streams = uneven(60)
    make_dumps(sample, tmp_path / "dumps", streams)
    return [ABSENT, *streams]


def run_build(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200"}
    line = [sys.executable, "-m", "spark_jobs.build", *arguments]
    return subprocess.run(line, capture_output=True, text=True, cwd=folder, env=environment, check=False)


def files_of(folder: Path, wiki: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob(f"wiki={wiki}/*")}


@pytest.mark.slow
def test_sixty_uneven_wikis_are_built_in_one_run_although_one_is_broken_and_one_is_not_there(session, sixty, tmp_path) -> None:
    whole = damage_last_stream(tmp_path / "dumps", BROKEN)
    (tmp_path / "events").mkdir()
    config = load_settings(CorpusSettings, None, [f"wikis=[{','.join(sixty)}]", f"dumps_dir={tmp_path}/dumps", "output_dir=out"])
    conf = {"spark.eventLog.enabled": "true", "spark.eventLog.dir": str(tmp_path / "events"), "spark.eventLog.compress": "false"}
    spark = config.spark.model_copy(update={"master": "local[2]", "conf": {**conf, "spark.eventLog.rolling.enabled": "false"}})
    (tmp_path / "config.yaml").write_text(config.model_copy(update={"spark": spark}).to_yaml(), encoding="utf-8")

    first = run_build(["--config", "config.yaml"], tmp_path)
    assert first.returncode == 1, first.stderr[-3000:]
    assert "60 wikis, " in first.stderr
    assert f"the largest, {HUGE} (" in first.stderr
    assert "2 of 61 wikis failed; the tables of the others are whole:" in first.stderr
    assert f"{BROKEN}: {BROKEN}-{DATE}-pages-articles-multistream.xml.bz2" in first.stderr
    assert f"{ABSENT}: dumps_dir: '{tmp_path}/dumps': no complete dump of {ABSENT}" in first.stderr
    again = next(line for line in first.stderr.splitlines() if line.startswith("again, when"))
    assert f"-m spark_jobs.build --config config.yaml --set 'wikis=[{BROKEN},{ABSENT}]'" in again
    assert "Traceback" not in first.stderr

    output = tmp_path / "out"
    report = json.loads((output / "_build.json").read_text())
    assert set(report["wikis"]) == set(sixty) - {ABSENT, BROKEN}
    assert report["parallel_wikis"] == 2
    for wiki in report["wikis"]:
        articles, augmented = (read_manifest(output / table / f"wiki={wiki}") for table in ("articles", "augmented"))
        assert articles.counters["pages"] == articles.counters["other_namespaces"] + articles.rows
        assert augmented.counters["links"] == report["wikis"][wiki]["links"] > 0
    assert not files_of(output, BROKEN)
    assert not list((output / "_staging").glob("[!_]*-" + HUGE))
    assert_ran_side_by_side(tmp_path / "events")

    (tmp_path / f"dumps/{BROKEN}-{DATE}-pages-articles-multistream.xml.bz2").write_bytes(whole)
    second = run_build(["--config", "config.yaml", "--set", f"wikis=[{BROKEN}]"], tmp_path)
    assert second.returncode == 0, second.stderr[-3000:]
    places = {"wikis": [HUGE], "dumps_dir": str(tmp_path / "dumps"), "output_dir": str(tmp_path / "alone")}
    build(session, config.model_copy(update=places))
    assert files_of(output, HUGE) == files_of(tmp_path / "alone", HUGE)
    assert len(files_of(output, BROKEN)) >= 5


def assert_ran_side_by_side(events: Path) -> None:
    """Jobs are in the pools of their wikis; those of the largest wiki ran while others did."""
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
    assert set(pools.values()) >= set(uneven(60))
    huge = [spans[job] for job, pool in pools.items() if pool == HUGE]
    others = [span for job, span in spans.items() if pools[job] != HUGE]
    assert any(start < other[0] < end for start, end in huge for other in others)
    assert pools[min(pools)] in list(uneven(60))
    assert HUGE in [pools[job] for job in sorted(pools)[:4]]
