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

from spark_jobs.settings import ConfigurationError
from training.config import TrainSettings
from training.corpus import Corpus
from training.distributed import Ranks
from training.stream import Stream

SUMMARY = "run.json"

_PACKAGES = ("leia-at-scale", "torch", "deepspeed", "transformers", "safetensors", "pyarrow", "numpy")


def check_output(settings: TrainSettings) -> None:
    """Refuse to write into a folder that holds something, unless `overwrite` is set (then it is renamed, never deleted)."""
    folder = settings.output_dir
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"output_dir: {folder} is a file; choose a folder")
    if settings.overwrite or not folder.is_dir() or not any(folder.iterdir()):
        return
    held = "a finished run" if (folder / SUMMARY).is_file() else "an unfinished run or other files"
    raise ConfigurationError(
        f"output_dir: {folder} holds {held}; choose another folder, or pass --set overwrite=true "
        f"(the old folder is kept as {free_name(folder)})"
    )


def prepare_output(settings: TrainSettings, deepspeed: dict[str, Any]) -> None:
    """Move an old folder aside, make the new one, and write both resolved configurations into it: ours and DeepSpeed's."""
    folder = settings.output_dir
    if folder.is_dir() and any(folder.iterdir()):
        folder.rename(free_name(folder))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(settings.to_yaml(), encoding="utf-8")
    (folder / "deepspeed.json").write_text(json.dumps(deepspeed, indent=2) + "\n", encoding="utf-8")


def free_name(folder: Path) -> Path:
    """The first of folder.1, folder.2, … that does not exist."""
    number = 1
    while folder.with_name(f"{folder.name}.{number}").exists():
        number += 1
    return folder.with_name(f"{folder.name}.{number}")


class Summary:
    """Gathers what `run.json` says of a run."""

    def __init__(self, settings: TrainSettings, ranks: Ranks) -> None:
        self.parameters = 0
        self.precision = ""
        self.zero_stage = 0
        self._settings, self._ranks = settings, ranks
        self._began, self._began_at = time.monotonic(), datetime.now(UTC)
        self._facts: dict[str, Any] = {}
        self._first: dict[str, Any] = {}
        self._last: dict[str, Any] = {}
        self._rates: list[float] = []
        self._counts: Counter[str] = Counter()

    def describe(self, corpus: Corpus, stream: Stream, engine: Any, device: Any) -> None:
        """Note what the run works on."""
        self.parameters = sum(getattr(p, "ds_numel", p.numel()) for p in engine.module.parameters())
        self.precision = "bf16" if engine.bfloat16_enabled() else "fp32"
        self.zero_stage = int(engine.zero_optimization_stage())
        self._facts = {
            "parameters": self.parameters,
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
        self._first = self._first or metrics
        self._last = metrics
        self._rates.append(metrics["tokens_per_second"])
        self._counts.update({name: metrics[name] for name in ("masked", "links_seen", "links_inserted")})

    def as_dict(self) -> dict[str, Any]:
        """The content of `run.json`."""
        return {
            "started": self._began_at.isoformat(timespec="seconds"),
            "wall_seconds": round(time.monotonic() - self._began, 1),
            "steps": self._last["step"],
            "tokens": self._last["tokens"],
            "tokens_per_second": round(statistics.median(self._rates), 1),
            "first_loss": self._first["loss"],
            "last_loss": self._last["loss"],
            "stream_hash": self._last["stream_hash"],
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
        return (
            f"loss {run['first_loss']:.3f} -> {run['last_loss']:.3f} after {run['tokens']:,} tokens; names inserted at "
            f"{run['links_inserted']:,} of {run['links_seen']:,} links; {run['tokens_per_second']:,.0f} tokens/s; "
            f"{run['wall_seconds']:.0f} s in all\n"
            f"model: {folder / 'model'}   {curves}summary: {folder / SUMMARY}"
        )
