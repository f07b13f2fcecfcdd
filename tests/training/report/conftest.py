"""A run's folder as training writes it."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from training.records.run_logs import EVENTS, METRICS

WIKIS = ("jawiki", "eswiki", "be_x_oldwiki")


def write_run(folder: Path, steps=60, skipped=(20, 41), wikis=WIKIS, finished=True, planned=None, **insertion) -> Path:
    """Write the files of a run, as training does; returns the folder."""
    folder.mkdir(parents=True)
    lines, events = [], []
    for step in range(1, steps + 1):
        reason = "the loss is nan" if step in skipped else None
        counts = {
            wiki: {"tokens": 64 * (9 - n), "masked": 40, "links_seen": 30, "links_inserted": 14} for n, wiki in enumerate(wikis)
        }
        loss = math.nan if reason else 2 + 3 / step
        figures = {"gradient_norm": loss, "learning_rate": 1e-5, "tokens_per_second_per_gpu": 900.0, "mfu": 0.41, "seconds": 2.0}
        more = {"data_wait_share": 0.01, "memory_bytes": 70 << 30, "tokens": 1000 * step, "stream_hash": f"{step:016x}"}
        lines.append({"step": step, "loss": loss, "skipped": reason, "wikis": counts} | figures | more)
        if reason:
            events.append({"step": step, "event": "skipped", "reason": reason, "sequences": [f"{8 * step}-{8 * step + 7}"]})
        if step % 10 == 0:
            events.append({"step": step, "event": "checkpoint", "path": f"{folder}/checkpoints/step-{step:06d}", "seconds": 1.5})
            events.append({"step": step, "event": "held_out", "loss": {wiki: 2 + 2 / step + n for n, wiki in enumerate(wikis)}})
            events.append({"step": step, "event": "tasks", "score": {"xcsqa_ja/acc": 0.3 + step / 1000, "niilc/f1": 0.1}})
    if steps > 30:
        events.append({"step": 30, "event": "resumed", "path": "somewhere", "ranks": 2})
    (folder / METRICS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / EVENTS).write_text("".join(json.dumps(event) + "\n" for event in events))
    chosen = {"strategy": "right", "probability": 0.5, "tags": True, "predict_names": True} | insertion
    config = {
        "data": {"corpus": "corpora/<b>ja</b>", "tokenizer": "llama2", "pivot": "en", "wikis": list(wikis)},
        "insertion": chosen,
        "stream": {"sequence_length": 125},
        "model": {"path": "meta-llama/Llama-2-7b-hf", "lora": None},
        "optimizer": {"max_gradient_norm": 1.0},
        "steps": planned or steps,
        "global_batch_size": 8,
        "output_dir": str(folder),
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "deepspeed.json").write_text(json.dumps({"zero_optimization": {"stage": 2}, "bf16": {"enabled": True}}))
    if finished:
        summary = {"parameters": 6738415616, "precision": "bf16", "zero_stage": 2, "ranks": 8, "device": "cuda"}
        fingerprints = {"data_fingerprint": "7521c11b", "stream_fingerprint": "c0501d5f", "versions": {"torch": "2.13.0"}}
        (folder / "run.json").write_text(json.dumps(summary | fingerprints))
    return folder


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Path]:
    """`make_run(folder, steps=60, skipped=(20, 41), ...)` writes a run and returns its folder."""
    return write_run


@pytest.fixture(scope="session")
def wikis() -> tuple[str, ...]:
    """The wikis of the run, the largest first."""
    return WIKIS
