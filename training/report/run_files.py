"""What a run's folder holds for a page about it, finished or not."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import parse_yaml
from training.engine.checkpoints import STATE, Checkpoints
from training.loop.metrics_log import EVENTS, METRICS, read_lines
from training.report.metric_series import Series, series


@dataclass(frozen=True)
class RunFiles:
    """A run as its files tell it."""

    label: str
    folder: Path
    series: Series
    stream_hash: str | None
    """After the last step."""
    events: list[dict[str, Any]]
    """In order of the steps."""
    config: dict[str, Any]
    """config.yaml; empty where there is none."""
    configuration: str
    """The same, as it was written."""
    deepspeed: dict[str, Any]
    """deepspeed.json; empty where there is none."""
    summary: dict[str, Any] | None
    """run.json, which only a finished run has."""
    state: dict[str, Any]
    """state.json of the newest checkpoint; empty where there is none."""

    @property
    def step(self) -> int:
        """Steps that are done."""
        return int(self.series.steps[-1])

    def setting(self, key: str) -> Any:
        """A value of the configuration, such as `insertion.strategy`; None where there is none."""
        return look_up(self.config, key)

    @property
    def facts(self) -> dict[str, Any]:
        """What the run works on: from run.json, and as long as there is none from what the run has written so far."""
        found = {
            "precision": "bf16" if look_up(self.deepspeed, "bf16.enabled") else "fp32" if self.deepspeed else None,
            "zero_stage": look_up(self.deepspeed, "zero_optimization.stage"),
            "ranks": ranks_of(self.deepspeed),
            "stream_fingerprint": look_up(self.state, "stream.fingerprint"),
        }
        return found | (self.summary or {})


def read_run_files(folder: Path, label: str | None = None) -> RunFiles:
    """Read a run's folder.

    Raises:
        ConfigurationError: naming what is missing or cannot be read.
    """
    if not (folder / METRICS).is_file():
        what = "there is no such folder" if not folder.is_dir() else f"it holds no {METRICS}"
        raise ConfigurationError(f"{folder}: {what}; give the output_dir of a training run")
    metrics, events = _lines(folder / METRICS), _lines(folder / EVENTS)
    if not metrics:
        raise ConfigurationError(f"{folder / METRICS}: no step is finished yet; wait for the first one")
    text = _text(folder / "config.yaml")
    config = parse_yaml(text, str(folder / "config.yaml"))
    newest = Checkpoints(folder / "checkpoints", 1).published()[:1]
    return RunFiles(
        label=label or folder.resolve().name,
        folder=folder,
        series=series(metrics),
        stream_hash=metrics[-1].get("stream_hash"),
        events=sorted([*events, *_untold(metrics, events)], key=lambda event: event["step"]),
        config=config if isinstance(config, dict) else {},
        configuration=text,
        deepspeed=_json(folder / "deepspeed.json") or {},
        summary=_json(folder / "run.json"),
        state=(_json(newest[0] / STATE) or {}) if newest else {},
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        found = read_lines(path)
    except ValueError as error:
        raise ConfigurationError(
            f"{path}: a line is no JSON ({error}); it was changed or damaged after it was written"
        ) from error
    wrong = next((number for number, line in enumerate(found, 1) if not isinstance(line, dict) or "step" not in line), None)
    if wrong is not None:
        raise ConfigurationError(f"{path}: line {wrong} has no step, so no run of this version has written it")
    return found


def _untold(metrics: list[dict[str, Any]], events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of skipped steps whose line was not written any more, because the run was killed between the two files."""
    told = {event["step"] for event in events if event["event"] == "skipped"}
    return [
        {"step": line["step"], "event": "skipped", "reason": line["skipped"], "sequences": line.get("sequences", [])}
        for line in metrics
        if line.get("skipped") is not None and line["step"] not in told
    ]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(_text(path) or "null")
    except ValueError as error:
        raise ConfigurationError(f"{path} is no JSON: {error}") from error
    return found if isinstance(found, dict) else None


def look_up(values: Mapping[str, Any], key: str) -> Any:
    """The value that `a.b` leads to; None where it leads nowhere.

    >>> look_up({"a": {"b": 1}}, "a.b"), look_up({"a": 1}, "a.b"), look_up({}, "a")
    (1, None, None)
    """
    found: Any = values
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def ranks_of(deepspeed: Mapping[str, Any]) -> int | None:
    """The number of ranks that a resolved deepspeed.json was written for.

    >>> ranks_of({"train_batch_size": 8, "train_micro_batch_size_per_gpu": 2, "gradient_accumulation_steps": 2})
    2
    """
    sizes = [deepspeed.get(name) for name in ("train_micro_batch_size_per_gpu", "gradient_accumulation_steps")]
    whole = deepspeed.get("train_batch_size")
    if not isinstance(whole, int) or not all(isinstance(size, int) and size > 0 for size in sizes):
        return None
    return whole // math.prod(int(size) for size in sizes if size)


def setting_differences(runs: list[RunFiles]) -> dict[str, list[Any]]:
    """Keys of the configurations that are not the same in all runs, with the value in each; where a run writes does not count."""
    flat = [_flat(run.config) for run in runs]
    keys = list(dict.fromkeys(key for values in flat for key in values))
    found = {key: [values.get(key) for values in flat] for key in keys if key not in ("output_dir", "resume", "overwrite")}
    return {key: values for key, values in found.items() if any(value != values[0] for value in values)}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found
