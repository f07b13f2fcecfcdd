"""`run.json`, the summary of a finished run: its presence marks the run as finished."""

import importlib.metadata
import json
import platform
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from training.config import TrainSettings
from training.engine.launch_environment import Ranks
from training.model.protocols import Engine
from training.model.zero3_parameters import count_parameters
from training.records.run_folder import SUMMARY
from training.stream.token_stream import Stream

if TYPE_CHECKING:
    import torch

_PACKAGES = ("leia-at-scale", "torch", "deepspeed", "transformers", "safetensors", "pyarrow", "numpy")


class RunSummary:
    """Gathers the content of `run.json` while a run trains."""

    def __init__(self, settings: TrainSettings, ranks: Ranks, before: Iterable[Mapping[str, Any]] = ()) -> None:
        """`before` are the metrics of the steps that an earlier process of the run made."""
        self.parameters = 0
        self.precision = ""
        self.zero_stage = 0
        self._settings, self._ranks = settings, ranks
        self._began, self._began_at = time.monotonic(), datetime.now(UTC)
        self._facts: dict[str, Any] = {}
        self._losses: list[float] = []
        self._last: Mapping[str, Any] = {}
        self._rates: list[float] = []
        self._seconds: list[float] = []
        self._counts: Counter[str] = Counter()
        self._skipped = 0
        for metrics in before:
            self.add_step(metrics)

    def describe(self, stream: Stream, engine: Engine, device: "torch.device") -> None:
        """Note model, data and hardware of the run."""
        parameters = list(engine.module.parameters())
        self.parameters = count_parameters(parameters)
        self.precision = "bf16" if engine.bfloat16_enabled() else "fp32"
        self.zero_stage = int(engine.zero_optimization_stage())
        corpus = stream.corpus
        self._facts = {
            "parameters": self.parameters,
            "trained_parameters": count_parameters(p for p in parameters if p.requires_grad),
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

    def add_step(self, metrics: Mapping[str, Any]) -> None:
        """Note the metrics of a step."""
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
        """Write `run.json`, which marks the run as finished."""
        (self._settings.output_dir / SUMMARY).write_text(json.dumps(self.as_dict(), indent=2) + "\n", encoding="utf-8")

    def as_text(self) -> str:
        """The last lines on the console: losses, names, speed, and the paths of the results."""
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
