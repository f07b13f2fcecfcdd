"""Resuming: which checkpoint a run continues from. `setting_changes` decides whether it belongs to the run."""

from pathlib import Path

from rich.console import Console

from spark_jobs.common.errors import ConfigurationError
from training.engine.checkpoints import Checkpoints, find_damage
from training.engine.collectives import all_gather_objects, barrier
from training.engine.launch_environment import Ranks


def find_newest_intact(checkpoints: Checkpoints, ranks: Ranks, console: Console) -> Path | None:
    """The newest checkpoint whose files match their checksums. Every rank calls it.

    Damaged newer ones are reported and renamed, so that the run can write checkpoints of their steps again. They keep their names
    where no checkpoint is intact.

    Raises:
        ConfigurationError: when there are checkpoints, and all are damaged.
    """
    own = [str(path) for path in checkpoints.published()], [str(path) for path in checkpoints.damaged()]
    published, renamed = all_gather_objects(own)[0]  # as the first rank sees them
    skipped: list[tuple[Path, list[str]]] = []
    for path in map(Path, published):
        damage = [line for lines in all_gather_objects(find_damage(path, ranks.rank, ranks.size)) for line in lines]
        if not damage:
            _rename_damaged(checkpoints, skipped, ranks, console)
            return path
        skipped.append((path, damage))
        console.print(f"warning: {path} is damaged and skipped: {'; '.join(damage[:3])}", style="yellow")
    if published or renamed:
        found = len(published) + len(renamed)
        raise ConfigurationError(
            f"resume: all {found} checkpoints in {checkpoints.folder} are damaged{' (see above)' if published else ''}; "
            "restore one from a copy, or start anew with --set resume=false --set overwrite=true (the old folder is kept)"
        )
    return None


def _rename_damaged(checkpoints: Checkpoints, skipped: list[tuple[Path, list[str]]], ranks: Ranks, console: Console) -> None:
    if not skipped:
        return
    barrier()  # all ranks have read the files
    for path, _ in skipped if ranks.main else []:
        console.print(f"{path} is now {checkpoints.rename_damaged(path)}; it may be deleted", style="yellow")
    barrier()
