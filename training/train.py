"""Continue training a language model on Wikipedia with entity names.

    deepspeed --num_accelerators 2 training/train.py --config conf/train/tiny.yaml
    torchrun --nproc-per-node 8 training/train.py --config conf/train/llama2-7b-ja.yaml
    python training/train.py --config conf/train/tiny.yaml --set steps=5
    python training/train.py --config conf/train/llama2-7b-ja.yaml --dry-run

The whole run is `training.loop.trainer.train`.
"""

from functools import partial
from typing import Annotated

import typer

from spark_jobs.common.command_line import ConfigOption, SetOption, help_texts, new_app, program_name, run_configured
from training.config import TrainSettings
from training.loop.exit_codes import run_with_exit_code
from training.loop.trainer import train
from training.planning.dry_run import show_plan
from training.planning.out_of_memory import explain_memory_error
from training.report.run_html import write_run_page

app = new_app()
_SUMMARY = "Continue training a causal language model on an encoded corpus, with entity names inserted."


def main(settings: TrainSettings) -> int:
    """Train as one of the ranks; returns the exit code."""
    return run_with_exit_code(lambda: train(settings, write_run_page), partial(explain_memory_error, settings=settings))


@app.command(**help_texts(TrainSettings, _SUMMARY))
def entry(
    config: ConfigOption,
    set_: SetOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan of the run; needs no weights and no GPU.")] = False,
    local_rank: Annotated[int, typer.Option("--local_rank", hidden=True)] = -1,  # noqa: ARG001  (deepspeed appends it)
) -> None:
    """Train, or show the plan of the run."""
    run_configured(TrainSettings, show_plan if dry_run else main, config, set_ or ())


if __name__ == "__main__":
    app(prog_name=program_name())
