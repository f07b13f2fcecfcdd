"""The verdict on a contrast in sentences: which differences are shown, what could have been found, and the loss in English."""

from collections.abc import Iterator

from eval.analysis.contrasts import Contrast
from eval.analysis.difference_formats import format_interval
from eval.results.score_tables import count_tasks

RETAINED = "en"
"""Language whose scores adaptation to another language should keep."""


def contrast_verdict(contrast: Contrast) -> list[str]:
    """The verdict, sentence by sentence."""
    return [
        *_shown_or_detectable(contrast),
        *_benchmark_sentences(contrast),
        *_retention(contrast),
        *_single_run_warning(contrast),
    ]


def _shown_or_detectable(contrast: Contrast) -> Iterator[str]:
    """The tasks with a significant difference; without one, the difference that could have been found."""
    shown = [task for task in contrast.tasks if task.is_shown]
    counted = count_tasks(len(contrast.tasks))
    if shown:
        for word, chosen in (
            ("above", [task for task in shown if task.difference.points > 0]),
            ("below", [task for task in shown if task.difference.points < 0]),
        ):
            if chosen:
                listed = ", ".join(f"{task.name} {task.difference.points:+.1f}" for task in chosen)
                yield (
                    f"{contrast.second} is {word} {contrast.first} in {len(chosen)} of {counted}, at 5 % after Holm's "
                    f"correction, in points: {listed}."
                )
    else:
        ordered = sorted(contrast.tasks, key=lambda task: task.difference.detectable)
        least, most = ordered[0], ordered[-1]
        span = f"{least.difference.detectable:.1f} points ({least.name})"
        if most.difference.detectable - least.difference.detectable >= 0.05:
            span += f" to {most.difference.detectable:.1f} ({most.name})"
        yield (
            f"No difference between {contrast.second} and {contrast.first} is shown in {counted} after Holm's correction. "
            f"Minimum detectable difference of a single test (80 % power): {span}."
        )


def _benchmark_sentences(contrast: Contrast) -> Iterator[str]:
    for benchmark in contrast.benchmarks:
        found = benchmark.difference
        result = "a difference is shown" if benchmark.is_shown else "no difference is shown"
        yield f"{benchmark.name} together: {found.points:+.1f} points ({format_interval(found)}): {result}."


def _retention(contrast: Contrast) -> Iterator[str]:
    english = [task for task in contrast.tasks if task.language == RETAINED]
    if not english or len(english) == len(contrast.tasks):
        return
    worst = min(english, key=lambda task: task.difference.low)
    found = worst.difference
    loss = f"a loss of more than {-found.low:.1f} points is ruled out" if found.low < 0 else "there is no loss"
    start = f"In English ({count_tasks(len(english))}), {worst.name} is the least certain"
    yield f"{start}: {found.points:+.1f} points ({format_interval(found)}), so {loss} at 95 %."


def _single_run_warning(contrast: Contrast) -> Iterator[str]:
    if 1 in contrast.runs:
        single = [label for label, runs in zip((contrast.first, contrast.second), contrast.runs, strict=True) if runs == 1]
        yield (
            f"One training run of {' and of '.join(single)}: the verdict holds for these very models; whether training again "
            "gives the same difference takes several seeds."
        )
