"""Tables of scores."""

import io

from rich.console import Console

from eval.results.evaluation_results import read_results
from eval.results.score_tables import results_table

from ..evaluations import answer, write_evaluation


def test_task_names_are_whole_on_a_narrow_terminal(tmp_path):
    name = "jcommonsenseqa_ja_reference"
    results = read_results(write_evaluation(tmp_path, "aaa", {name: [answer(0, 1), answer(1, 0)]}, scoring="reference"))
    console = Console(file=io.StringIO(), width=60)
    console.print(results_table(results, [name]))
    rows = [line.split("│") for line in console.file.getvalue().splitlines() if line.startswith("│")]
    assert "".join(cells[1].strip() for cells in rows) == name
