"""Measure the peak memory of each rank while it loads a model under ZeRO-3, with our loader and with transformers.

    python benchmarks/load_weights.py [--hidden-size 1536 --layers 12] [--ranks 2]

Creates an untrained Llama in bfloat16 (1.1 GB in shards of 200 MB, deleted at the end) and loads it twice in new processes on
gloo ranks: tensor by tensor (training/model/weight_files.py), and with `from_pretrained`. Reported are the peaks of anonymous
memory, above that before the load, and of file-backed memory: mapped files, which the kernel can take back.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from measuring.memory_peak import MemoryPeak
from rich.console import Console
from rich.table import Table


def make_model(folder: Path, hidden_size: int, layers: int) -> int:
    """Writes an untrained Llama into `folder`. Returns the bytes of its weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=32_000,
        hidden_size=hidden_size,
        intermediate_size=4 * hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=hidden_size // 64,
        dtype=torch.bfloat16,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder, max_shard_size="200MB")
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def load_as_rank(model: str, loader: str) -> None:
    """Loads the model as one of the ranks. Rank 0 prints the figures of all ranks as JSON."""
    import torch
    from transformers import AutoModelForCausalLM

    from training.config import ModelSettings
    from training.engine.collectives import all_gather_objects
    from training.engine.deepspeed_config import activate_zero3_loading
    from training.engine.launch_environment import read_ranks
    from training.engine.process_group import join_process_group, leave_process_group
    from training.model.library_messages import silence_libraries
    from training.model.model_loading import load_model

    ranks = read_ranks()
    silence_libraries()
    join_process_group(ranks, lambda _: None)
    config = {"zero_optimization": {"stage": 3}, "train_micro_batch_size_per_gpu": 1, "bf16": {"enabled": True}}
    partitioning = activate_zero3_loading(config)
    peak = MemoryPeak()
    peak.start()
    time.sleep(0.1)
    before, began = peak.anonymous, time.perf_counter()
    if loader == "ours":
        loaded: Any = load_model(ModelSettings(path=model), torch.bfloat16, "cpu", ranks.main)
    else:
        loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16)
    seconds = time.perf_counter() - began
    peak.stop()
    held = sum(parameter.ds_tensor.numel() * parameter.ds_tensor.element_size() for parameter in loaded.parameters())
    found = all_gather_objects(
        {"anonymous": peak.anonymous - before, "file_backed": peak.file_backed, "held": held, "seconds": seconds}
    )
    if ranks.main:
        print("FOUND " + json.dumps(found))
    del partitioning
    leave_process_group()


def main(
    hidden_size: Annotated[int, typer.Option(help="Width of the model.")] = 1536,
    layers: Annotated[int, typer.Option(help="Layers of the model.")] = 12,
    ranks: Annotated[int, typer.Option(help="Number of ranks.")] = 2,
    model: Annotated[str, typer.Option(hidden=True)] = "",
    loader: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Compares both loaders. With the hidden option --loader, loads as one of the ranks."""
    if loader:
        load_as_rank(model, loader)
        return
    with tempfile.TemporaryDirectory() as scratch:
        size = make_model(Path(scratch), hidden_size, layers)
        shards = len(list(Path(scratch).glob("*.safetensors")))
        table = Table(
            "loaded", "rank", "anonymous MB", "file-backed MB", "keeps MB", "s", title=f"{size / 1e6:,.0f} MB, {shards} shards"
        )
        for name in ("ours", "transformers"):
            command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
            command += [__file__, "--model", scratch, "--loader", name]
            environment = {**os.environ, "DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"}
            environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
            if done.returncode:
                raise SystemExit(done.stdout[-2000:] + done.stderr[-4000:])
            found = next(line for line in done.stdout.splitlines() if line.startswith("FOUND ")).removeprefix("FOUND ")
            for rank, row in enumerate(json.loads(found)):
                figures = [f"{row[key] / 1e6:,.0f}" for key in ("anonymous", "file_backed", "held")]
                table.add_row(name, str(rank), *figures, f"{row['seconds']:.1f}")
        Console().print(table)


if __name__ == "__main__":
    typer.run(main)
