"""Reading the folder of a run, finished or not, for its page."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.strict_yaml import parse_yaml
from training.engine.checkpoints import STATE, Checkpoints
from training.records.run_folder import SUMMARY
from training.records.run_logs import EVENTS, METRICS, read_log
from training.report.metric_series import MetricSeries, series_of_metrics


@dataclass(frozen=True)
class RunFiles:
    """The content of a run's folder."""

    label: str
    folder: Path
    series: MetricSeries
    stream_hash: str | None
    """After the last step."""
    events: list[dict[str, Any]]
    """Ordered by step."""
    config: dict[str, Any]
    """config.yaml; empty if missing."""
    configuration: str
    """Text of config.yaml."""
    deepspeed: dict[str, Any]
    """deepspeed.json; empty if missing."""
    summary: dict[str, Any] | None
    """run.json; None for an unfinished run."""
    state: dict[str, Any]
    """state.json of the newest checkpoint; empty without a checkpoint."""

    @property
    def step(self) -> int:
        """Finished steps."""
        return int(self.series.steps[-1])

    def setting(self, key: str) -> Any:
        """A value of the configuration, such as `insertion.strategy`; None if missing."""
        return nested_value(self.config, key)

    @property
    def facts(self) -> dict[str, Any]:
        """Hardware, precision and fingerprints: from run.json, or of an unfinished run from its other files."""
        found = {
            "precision": "bf16" if nested_value(self.deepspeed, "bf16.enabled") else "fp32" if self.deepspeed else None,
            "zero_stage": nested_value(self.deepspeed, "zero_optimization.stage"),
            "ranks": ranks_of_config(self.deepspeed),
            "stream_fingerprint": nested_value(self.state, "stream.fingerprint"),
        }
        return found | (self.summary or {})


def read_run_files(folder: Path, label: str | None = None) -> RunFiles:
    """Read a run's folder.

    Raises:
        ConfigurationError: when files are missing or cannot be read.
    """
    if not (folder / METRICS).is_file():
        problem = "there is no such folder" if not folder.is_dir() else f"it holds no {METRICS}"
        raise ConfigurationError(f"{folder}: {problem}; give the output_dir of a training run")
    metrics, events = _checked_log(folder / METRICS), _checked_log(folder / EVENTS)
    if not metrics:
        raise ConfigurationError(f"{folder / METRICS}: no step is finished yet; wait for the first one")
    text = _text(folder / "config.yaml")
    config = parse_yaml(text, str(folder / "config.yaml"))
    newest = Checkpoints(folder / "checkpoints", 1).published()[:1]
    return RunFiles(
        label=label or folder.resolve().name,
        folder=folder,
        series=series_of_metrics(metrics),
        stream_hash=metrics[-1].get("stream_hash"),
        events=sorted([*events, *_missing_skip_events(metrics, events)], key=lambda event: event["step"]),
        config=config if isinstance(config, dict) else {},
        configuration=text,
        deepspeed=_json(folder / "deepspeed.json") or {},
        summary=_json(folder / SUMMARY),
        state=(_json(newest[0] / STATE) or {}) if newest else {},
    )


def _checked_log(path: Path) -> list[dict[str, Any]]:
    try:
        found = read_log(path)
    except ValueError as error:
        raise ConfigurationError(
            f"{path}: a line is not JSON ({error}); it was changed or damaged after it was written"
        ) from error
    wrong = next((number for number, line in enumerate(found, 1) if not isinstance(line, dict) or "step" not in line), None)
    if wrong is not None:
        raise ConfigurationError(f"{path}: line {wrong} has no step, so it was not written by a run of this version")
    return found


def _missing_skip_events(metrics: list[dict[str, Any]], events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of skipped steps that are missing, because the run was killed after writing the metrics of the step."""
    recorded = {event["step"] for event in events if event["event"] == "skipped"}
    return [
        {"step": line["step"], "event": "skipped", "reason": line["skipped"], "sequences": line.get("sequences", [])}
        for line in metrics
        if line.get("skipped") is not None and line["step"] not in recorded
    ]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(_text(path) or "null")
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from error
    return found if isinstance(found, dict) else None


def nested_value(values: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key such as `a.b`; None if missing.

    >>> nested_value({"a": {"b": 1}}, "a.b"), nested_value({"a": 1}, "a.b"), nested_value({}, "a")
    (1, None, None)
    """
    found: Any = values
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def ranks_of_config(deepspeed: Mapping[str, Any]) -> int | None:
    """The number of ranks in a resolved deepspeed.json; None if unknown.

    >>> ranks_of_config({"train_batch_size": 8, "train_micro_batch_size_per_gpu": 2, "gradient_accumulation_steps": 2})
    2
    """
    sizes = [deepspeed.get(name) for name in ("train_micro_batch_size_per_gpu", "gradient_accumulation_steps")]
    whole = deepspeed.get("train_batch_size")
    if not isinstance(whole, int) or not all(isinstance(size, int) and size > 0 for size in sizes):
        return None
    return whole // math.prod(int(size) for size in sizes if size)


def setting_differences(runs: Sequence[RunFiles]) -> dict[str, list[Any]]:
    """Keys whose values differ between the runs -> the value in each run; the output folder does not count."""
    flat = [_flat(run.config) for run in runs]
    keys = list(dict.fromkeys(key for values in flat for key in values))
    found = {key: [values.get(key) for values in flat] for key in keys if key not in ("output_dir", "resume", "overwrite")}
    return {key: values for key, values in found.items() if any(value != values[0] for value in values)}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found
