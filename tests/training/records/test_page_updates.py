"""When a run draws its page."""

from rich.console import Console

from training.records.page_updates import PageUpdates
from training.report.run_html import write_run_page


def test_a_page_that_cannot_be_drawn_is_a_warning(tmp_path):
    console = Console(record=True, width=200)
    PageUpdates(tmp_path / "none", write_run_page, console).draw()
    assert "warning" in (printed := console.export_text())
    assert "training continues" in printed
    PageUpdates(tmp_path / "none", None, console).draw()
    assert console.export_text() == ""


def test_drawing_takes_a_twentieth_of_a_run_at_most(tmp_path):
    # The folder holds no run, so each attempt is a warning: nothing is drawn in this test.
    seconds = iter([0.0, *(99.0,), *(100.0, 100.0, 110.0), *(309.0,), *(310.0, 310.0, 310.5), *(320.4,), *(320.5, 320.5, 321.0)])
    console = Console(record=True, width=200)
    page = PageUpdates(tmp_path / "none", write_run_page, console, clock=lambda: next(seconds))
    attempts = []
    for _ in range(6):
        page.draw_if_due()
        attempts.append(console.export_text().count("could not be drawn"))
    assert attempts == [0, 1, 0, 1, 0, 1]  # at 99; 100, which took 10 s; 309; 310, which took 0.5; 320.4; 320.5
