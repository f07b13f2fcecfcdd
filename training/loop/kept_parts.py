"""The other parts of the base model at the end of a run, which the exported model keeps (`model.other_parts`)."""

from typing import TYPE_CHECKING

from rich.console import Console

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.engine.collectives import all_gather_objects
from training.engine.launch_environment import Ranks
from training.model.base_files import BaseFiles, list_differences, read_base_files

if TYPE_CHECKING:
    from training.model.base_checkpoint import BaseCheckpoint


def find_kept_parts(settings: TrainSettings, began: BaseFiles, ranks: Ranks, console: Console) -> "BaseCheckpoint | None":
    """The checkpoint whose other parts are kept; None, with a warning, where it was removed or changed since the run began.

    A run must not end without a model because of its base. Every rank calls it, and all get the same answer.
    """
    from training.model.base_checkpoint import open_base

    base, problem = None, None
    try:
        base = open_base(settings.model.path)
        if ranks.main:
            now = read_base_files(base.folder, settings.data.cache)
            problem = "; ".join(list_differences(began["sha256"], now["sha256"])[:3]) or None
    except (ConfigurationError, OSError) as error:
        problem = str(error)
    problems = [found for found in all_gather_objects(problem) if found is not None]
    if not problems:
        return base
    console.print(
        f"warning: {settings.model.path} is not the model any more that the run began with, so its other parts are not kept, and "
        f"the text model is exported alone: {problems[0]}",
        style="yellow",
    )
    return None
