"""`metrics.jsonl` and `events.jsonl` of a run: reading them, and truncating them when a run resumes.

A line of `metrics.jsonl` is a step. A line of `events.jsonl` is an event after a step: `skipped`, `checkpoint`, `held_out`,
`tasks`, `tasks_failed`, `resumed`. Numbers that are not finite, such as the loss of some skipped steps, are null: JSON has no
NaN, and strict readers refuse it.
"""

import json
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from spark_jobs.common.atomic_files import write_text_atomically

METRICS, EVENTS = "metrics.jsonl", "events.jsonl"


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a metrics or events file; empty without a file. A last line that a kill cut short is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def truncate_log(path: Path, step: int) -> None:
    """Drop the lines after `step`: a run that resumes there writes them again."""
    kept = [log_line(line) for line in read_log(path) if line["step"] <= step]
    write_text_atomically(path, "".join(kept))


def log_line(values: dict[str, Any]) -> str:
    r"""Values as a line of JSON.

    >>> log_line({"step": 1, "loss": float("nan"), "skipped": "the loss is nan"})
    '{"step":1,"loss":null,"skipped":"the loss is nan"}\n'
    """
    return to_json(values, inf_nan_mode="null").decode() + "\n"
