"""The table of a summary on the console."""

from pathlib import Path

import pytest

from eval.report.summary_report import write_summary


@pytest.mark.parametrize("columns", [80, 200])
def test_the_console_table_fits_80_columns(make_summary_settings, demo, capsys, monkeypatch, columns):
    monkeypatch.chdir(demo)
    monkeypatch.setenv("COLUMNS", str(columns))
    write_summary(make_summary_settings(Path()))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    starts = [line[2:13].rstrip() for line in lines[4:] if line[2:13].strip()]
    assert starts == ["corpus", "  jawiki", "  arwiki", "training", "evaluation", "page"]
    rows = "\n".join(lines)
    for expected in (" corpus ", " run ", "eval/before ", "eval/after ", " index.html ", "40 steps, loss 9.764 → 6.217"):
        assert expected in rows
    for expected in ("15 pages: 3 articles,", "6 of 10 links have a name", "2 tasks, 32 items: acc 18.8 → 31.2 %"):
        assert expected in rows
    assert "+12.5 points, 95 % interval -9.2 to +31.4" in rows
    assert "no difference is shown" in rows
    assert (demo / "index.html").read_text().startswith("<!doctype html>")
