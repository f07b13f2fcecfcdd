"""Plots of the summary page, as inline SVG: the training loss, and scores before and after training."""

from collections.abc import Sequence

from eval.results.evaluation_pair import BeforeAfterScores
from eval.results.training_record import LoggedStep
from spark_jobs.common.svg_plots import ACCENT, QUIET, STYLE, TEXT, inline_svg


def training_loss_plot(steps: Sequence[LoggedStep]) -> str:
    """Training loss over steps."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 3.2), layout="constrained")
        axes = figure.subplots()
        marker = "o" if len(steps) <= 60 else ""
        axes.plot([step.step for step in steps], [step.loss for step in steps], color=ACCENT, lw=2, marker=marker, ms=3.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("step")
        axes.set_ylabel("loss (nats per token)")
        return inline_svg(figure, "Training loss over steps")


def before_after_plot(tasks: Sequence[BeforeAfterScores], metric: str) -> str:
    """`metric` before and after training with one standard error each way, one task a row."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 0.8 + 0.4 * len(tasks)), layout="constrained")
        axes = figure.subplots()
        rows = range(len(tasks))
        for label, colour, shift in (("before", QUIET, -0.14), ("after", ACCENT, 0.14)):
            scores = [getattr(task, label)[metric] for task in tasks]
            axes.errorbar(
                [100 * score.value for score in scores],
                [row + shift for row in rows],
                xerr=[100 * (score.stderr or 0) for score in scores],
                fmt="o",
                color=colour,
                ms=5,
                lw=1.6,
                label=label,
            )
        chances = [100 * task.chance for task in tasks]
        axes.plot(chances, list(rows), "|", color=TEXT, ms=14, mew=1.2, label="chance")
        axes.set_yticks(list(rows), [task.task for task in tasks])
        axes.set_ylim(len(tasks) - 0.5, -0.5)
        axes.set_xlim(0, 100)
        axes.set_xlabel(f"{metric} in per cent, ± one standard error")
        axes.grid(visible=False, axis="y")
        handles, labels = axes.get_legend_handles_labels()  # matplotlib lists plain lines first: chance
        axes.legend(
            [*handles[1:], handles[0]], [*labels[1:], labels[0]], frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5)
        )
        return inline_svg(figure, f"{metric} before and after training")
