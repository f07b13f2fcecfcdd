"""Launched by test_model_export.py: engines of ZeRO-3 with known weights, exported in several files.

    torchrun … exported_engines.py FOLDER SETTINGS.json…

Each settings file is a run's configuration; its engine is exported to FOLDER/NAME, NAME being the file's without its ending.
"""

import hashlib
import json
import sys
from pathlib import Path

import torch

from training.config import TrainSettings, accumulation_steps
from training.engine.deepspeed_config import build_deepspeed_config, with_precision
from training.engine.launch_environment import read_ranks
from training.engine.process_group import join_process_group, leave_process_group
from training.model.library_messages import silence_libraries
from training.model.zero3_parameters import gathered

SHARD_BYTES = 60_000


def set_known_weights(model):
    """Give every trained parameter values that follow from its name; the same whatever the ZeRO stage."""
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            with gathered([parameter], modify=True), torch.no_grad():
                if parameter.numel():
                    generator = torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]))
                    parameter.copy_(torch.randn(parameter.shape, generator=generator) / 10)


if __name__ == "__main__":
    silence_libraries()
    from training.engine.deepspeed_engine import EngineSetup, build_engine
    from training.model.model_export import export_model
    from training.model.model_loading import load_tokenizer
    from training.model.translation_tags import add_tags

    ranks = read_ranks()
    join_process_group(ranks, print)
    for file in map(Path, sys.argv[2:]):
        settings = TrainSettings(**json.loads(file.read_text()))
        accumulation = accumulation_steps(settings.global_batch_size, settings.micro_batch_size, ranks.size)
        bf16 = settings.model.precision == "bf16"
        config = with_precision(build_deepspeed_config(settings, accumulation), bf16)
        tokenizer = load_tokenizer(settings.model.path)
        tags, rows = add_tags(tokenizer)
        engine = build_engine(EngineSetup(settings, config, rows, "bf16" if bf16 else "fp32", ranks, torch.device("cpu")))
        set_known_weights(engine.module)
        export_model(engine.module, tokenizer, Path(sys.argv[1]) / file.stem, tags, ranks.main, shard_bytes=SHARD_BYTES)
    leave_process_group()
