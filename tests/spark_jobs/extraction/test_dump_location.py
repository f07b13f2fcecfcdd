"""The folder of the dumps is listed once in a run, however many wikis and stages it has."""

from pathlib import Path

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.config import CorpusSettings
from spark_jobs.stages.build_plan import plan_build
from spark_jobs.stages.build_stages import build
from spark_jobs.stages.extract_stage import list_dumps, locate_dump

from ..many_wikis import make_dumps

WIKIS = ["itwiki", "ptwiki"]


@pytest.fixture
def settings(demo_settings: CorpusSettings, sample: Path, tmp_path: Path) -> CorpusSettings:
    """Two small wikis in a folder of their own."""
    (tmp_path / "dumps").mkdir()
    make_dumps(sample, tmp_path / "dumps", dict.fromkeys(WIKIS, 1))
    places = {"dumps_dir": str(tmp_path / "dumps"), "output_dir": str(tmp_path / "out"), "encode": None}
    return demo_settings.model_copy(update={**places, "wikis": WIKIS})


@pytest.fixture
def listings(settings: CorpusSettings, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Gets an entry whenever the folder of the dumps, or one below it, is listed."""
    found: list[str] = []
    files = Location.files

    def noted(self: Location) -> list[str]:
        if self.path.startswith(settings.dumps_dir):
            found.append(self.path)
        return files(self)

    monkeypatch.setattr(Location, "files", noted)
    return found


def test_a_run_lists_the_dumps_once_for_all_wikis_and_stages(spark, settings, listings) -> None:
    report = build(spark, settings, plan_build(settings))
    assert [(wiki, row["articles"] > 0) for wiki, row in report["wikis"].items()] == [(wiki, True) for wiki in WIKIS]
    assert listings == [settings.dumps_dir]


def test_what_is_chosen_is_what_was_listed(settings, listings) -> None:
    before = list_dumps(settings)
    arrived = {f"frwiki-20240101-{name}" for name in ("pages-articles.xml.bz2", "langlinks.sql.gz")}
    for name in arrived:
        (Path(settings.dumps_dir) / name).touch()
    with pytest.raises(ConfigurationError, match="no complete dump of frwiki"):
        locate_dump(settings, "frwiki", before)
    assert len(listings) == 1
    assert arrived <= set(list_dumps(settings))
