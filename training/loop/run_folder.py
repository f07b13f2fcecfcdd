"""A run's folder: what an existing one means, what is written when a run begins, and the summary that marks its end."""

import importlib.metadata
import json
import platform
import statistics
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.data.encoded_corpus import Corpus
from training.engine.launch_environment import Ranks
from training.loop.metrics_log import EVENTS, METRICS, cut_back, read_lines
from training.stream.token_stream import Stream

SUMMARY = "run.json"

_PACKAGES = ("leia-at-scale", "torch", "deepspeed", "transformers", "safetensors", "pyarrow", "numpy")


class Output:
    """The folder of a run."""

    def __init__(self, settings: TrainSettings) -> None:
        self._settings, self.folder = settings, settings.output_dir

    @property
    def finished(self) -> bool:
        """Whether it holds a finished run."""
        return (self.folder / SUMMARY).is_file()

    @property
    def _empty(self) -> bool:
        return not self.folder.is_dir() or not any(self.folder.iterdir())

    def check(self) -> None:
        """Refuse to write into a folder that holds something, unless `resume` or `overwrite` is set.

        Raises:
            ConfigurationError: naming what it holds and the remedies.
        """
        folder = self.folder
        if folder.exists() and not folder.is_dir():
            raise ConfigurationError(f"output_dir: {folder} is a file; choose a folder")
        if self._settings.overwrite or self._settings.resume or self._empty:
            return
        held = "a finished run" if self.finished else "an unfinished run or other files"
        go_on = "" if self.finished else "go on with it with --set resume=true, "
        raise ConfigurationError(
            f"output_dir: {folder} holds {held}; {go_on}choose another folder, or pass --set overwrite=true "
            f"(the old folder is kept as {free_name(folder)})"
        )

    def prepare(self, deepspeed: dict[str, Any], finished_steps: int | None) -> None:
        """Make the folder, and write both resolved configurations into it: ours and DeepSpeed's.

        A run that goes on (`finished_steps`) keeps what its reports say up to there. Otherwise an old folder is renamed, never
        deleted; under `resume` that is one of a run that ended before its first checkpoint.
        """
        folder = self.folder
        if finished_steps is not None:
            for name in (METRICS, EVENTS):
                cut_back(folder / name, finished_steps)
        elif not self._empty:
            folder.rename(free_name(folder))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(self._settings.to_yaml(), encoding="utf-8")
        (folder / "deepspeed.json").write_text(json.dumps(deepspeed, indent=2) + "\n", encoding="utf-8")

    def metrics(self) -> list[dict[str, Any]]:
        """The steps that were made before."""
        return read_lines(self.folder / METRICS)


def free_name(folder: Path) -> Path:
    """The first of folder.1, folder.2, … that does not exist."""
    number = 1
    while folder.with_name(f"{folder.name}.{number}").exists():
        number += 1
    return folder.with_name(f"{folder.name}.{number}")


class Summary:
    """Gathers what `run.json` says of a run."""

    def __init__(self, settings: TrainSettings, ranks: Ranks, before: list[dict[str, Any]] | None = None) -> None:
        """`before` are the metrics of the steps that were made before this process, in an earlier part of the run."""
        self.parameters = 0
        self.precision = ""
        self.zero_stage = 0
        self._settings, self._ranks = settings, ranks
        self._began, self._began_at = time.monotonic(), datetime.now(UTC)
        self._facts: dict[str, Any] = {}
        self._losses: list[float] = []
        self._last: dict[str, Any] = {}
        self._rates: list[float] = []
        self._seconds: list[float] = []
        self._counts: Counter[str] = Counter()
        self._skipped = 0
        for metrics in before or []:
            self.add(metrics)

    def describe(self, corpus: Corpus, stream: Stream, engine: Any, device: Any) -> None:
        """Note what the run works on."""
        self.parameters = sum(getattr(p, "ds_numel", p.numel()) for p in engine.module.parameters())
        self.precision = "bf16" if engine.bfloat16_enabled() else "fp32"
        self.zero_stage = int(engine.zero_optimization_stage())
        self._facts = {
            "parameters": self.parameters,
            "trained_parameters": sum(getattr(p, "ds_numel", p.numel()) for p in engine.module.parameters() if p.requires_grad),
            "precision": self.precision,
            "zero_stage": self.zero_stage,
            "ranks": self._ranks.size,
            "device": device.type,
            "tokenizer": corpus.tokenizer.model_dump(),
            "pivot": self._settings.data.pivot,
            "span_mapping": corpus.span_mapping,
            "data_fingerprint": corpus.fingerprint,
            "stream_fingerprint": stream.fingerprint,
        }

    def add(self, metrics: dict[str, Any]) -> None:
        """Note a step."""
        if metrics["skipped"] is None:
            self._losses.append(metrics["loss"])
        self._last = metrics
        self._rates.append(metrics["tokens_per_second"])
        self._seconds.append(metrics["seconds"])
        self._skipped += metrics["skipped"] is not None
        self._counts.update({name: metrics[name] for name in ("masked", "links_seen", "links_inserted")})

    def as_dict(self) -> dict[str, Any]:
        """The content of `run.json`; the losses are those of the first and the last step that was not skipped, or None."""
        return {
            "started": self._began_at.isoformat(timespec="seconds"),
            "wall_seconds": round(time.monotonic() - self._began, 1),
            "steps": self._last["step"],
            "tokens": self._last["tokens"],
            "tokens_per_second": round(statistics.median(self._rates), 1),
            "first_loss": self._losses[0] if self._losses else None,
            "last_loss": self._losses[-1] if self._losses else None,
            "stream_hash": self._last["stream_hash"],
            "skipped_steps": self._skipped,
            "seconds_of_all_steps": round(sum(self._seconds), 1),
            **self._counts,
            **self._facts,
            "versions": {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in _PACKAGES},
        }

    def write(self) -> None:
        """Write `run.json`, which makes the run a finished one."""
        (self._settings.output_dir / SUMMARY).write_text(json.dumps(self.as_dict(), indent=2) + "\n", encoding="utf-8")

    def text(self) -> str:
        """What a person reads at the end."""
        run = self.as_dict()
        folder = self._settings.output_dir
        curves = f"curves: tensorboard --logdir {folder / 'tensorboard'}   " if self._settings.log.tensorboard else ""
        losses = f"loss {self._losses[0]:.3f} -> {self._losses[-1]:.3f}" if self._losses else "every step was skipped"
        return (
            f"{losses} after {run['tokens']:,} tokens; names inserted at "
            f"{run['links_inserted']:,} of {run['links_seen']:,} links; {run['tokens_per_second']:,.0f} tokens/s; "
            f"{run['wall_seconds']:.0f} s in all\n"
            f"model: {folder / 'model'}   {curves}summary: {folder / SUMMARY}"
        )
