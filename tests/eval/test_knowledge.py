"""The command that compares knowledge across languages."""

from typer.testing import CliRunner

from eval.knowledge import app

from .evaluations import answer, write_evaluation
from .linked_cities import ENTITIES


def test_a_task_that_was_not_evaluated_in_english_ends_with_one_line(tmp_path):
    folder = write_evaluation(tmp_path / "base", "f", {"cities_ja": [answer(0, 1, **ENTITIES[0])]})
    done = CliRunner().invoke(app, [str(folder), "--output", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "holds cities in ja; evaluate it in en and another" in " ".join(done.stderr.split())
    assert not (tmp_path / "out").exists()


def test_the_report_is_written_as_markdown_and_as_a_page(tmp_path):
    records = [answer(at, at % 2, str(at), **entity) for at, entity in enumerate(ENTITIES)]
    folder = write_evaluation(tmp_path / "base", "f", {"towns_en": records, "towns_ja": records})
    done = CliRunner().invoke(app, [f"ours={folder}", "--task", "towns", "--output", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".html", ".md"]
    assert "ours: the same facts in 2 languages" in done.stdout
