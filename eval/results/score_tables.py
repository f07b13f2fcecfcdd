"""Tables of scores for the console and for results.md: an evaluation's scores, and their distance to published ones."""

from collections.abc import Sequence

from rich.table import Table

from eval.results.evaluation_results import EvalResults, Score, versions_used
from eval.results.published_scores import PublishedDistance

DISTANCE_HEADERS = ("task", "few-shot", "published", "ours", "± stderr", "distance")


def format_stderr(score: Score) -> str:
    """A score's standard error in per cent, `–` for a single item."""
    return "–" if score.stderr is None else f"{100 * score.stderr:.1f}"


def count_tasks(number: int) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number} task{'' if number == 1 else 's'}"


def results_table(results: EvalResults, names: Sequence[str]) -> Table:
    """The scores of the named tasks for the console, in per cent."""
    table = Table(title="Scores in per cent", title_justify="left")
    for header in ("task", "metric"):
        table.add_column(header, overflow="fold")  # a name that is cut off could be another task's
    for header in ("value", "± stderr", "chance", "n", "few-shot"):
        table.add_column(header, justify="right")
    for name in names:
        result = results.tasks[name]
        for row, (metric, score) in enumerate(result.scores.items()):
            shared = [f"{100 * result.chance:.0f}", str(result.n), str(result.num_fewshot)] if row == 0 else ["", "", ""]
            table.add_row(name if row == 0 else "", metric, f"{100 * score.value:.1f}", format_stderr(score), *shared)
        table.add_section()
    return table


def results_markdown(results: EvalResults, names: Sequence[str]) -> str:
    """The scores of the named tasks as a Markdown table, with scoring, few-shot count, number of items and versions."""
    lines = [
        f"# Evaluation of {results.model['path']}",
        "",
        "| task | scoring | few-shot | n | metric | value | ± stderr | chance |",
        "|---|---|--:|--:|---|--:|--:|--:|",
    ]
    for name in names:
        result = results.tasks[name]
        lines += [
            f"| {name} | {result.scoring} | {result.num_fewshot} | {result.n} | {metric} | {100 * score.value:.1f} "
            f"| {format_stderr(score)} | {100 * result.chance:.0f} |"
            for metric, score in result.scores.items()
        ]
    used = versions_used(results.tasks[name] for name in names)
    versions = "; ".join(f"{name} {version}" for name, version in used.items())
    return "\n".join([*lines, "", "In per cent; one standard error over items.", "", f"Versions: {versions}", ""])


def published_distances_table(distances: Sequence[PublishedDistance]) -> Table:
    """Published scores and ours, for the console."""
    table = Table(title=f"Beside {distances[0].title} as published, in per cent", title_justify="left")
    for header in DISTANCE_HEADERS:
        table.add_column(
            header, justify="left" if header == "task" else "right", overflow="fold" if header == "task" else "ellipsis"
        )
    for distance in distances:
        table.add_row(*_distance_row(distance))
    return table


def published_distances_markdown(distances: Sequence[PublishedDistance]) -> str:
    """Published scores and ours, for results.md; empty without distances."""
    if not distances:
        return ""
    lines = [f"\n## Beside {distances[0].title} as published", "", f"| {' | '.join(DISTANCE_HEADERS)} |"]
    lines += ["|---|--:|--:|--:|--:|--:|", *(f"| {' | '.join(_distance_row(distance))} |" for distance in distances)]
    return "\n".join([*lines, "", f"Source: {distances[0].source}.", ""])


def _distance_row(distance: PublishedDistance) -> tuple[str, ...]:
    """A distance as a row under `DISTANCE_HEADERS`."""
    stderr = "–" if distance.stderr is None else f"{distance.stderr:.1f}"
    scores = (f"{distance.published:.1f}", f"{distance.ours:.1f}", stderr, f"{distance.points:+.1f}")
    return (distance.task, str(distance.num_fewshot), *scores)
