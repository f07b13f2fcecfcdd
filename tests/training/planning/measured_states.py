"""What test_memory.py launches: bytes that the tensors of a DeepSpeed engine take, for every stage and precision, as JSON.

Measured after the backward pass of a micro-batch that is not the first, when optimizer states and sums of gradients are there,
with buffers too small to count.
"""

import gc
import json
import sys
from pathlib import Path

import deepspeed
import torch
import torch.distributed as dist
from transformers import LlamaConfig, LlamaForCausalLM

from training.config import OptimizerSettings
from training.engine.deepspeed_config import activate_zero3_loading, with_precision
from training.engine.optimizer import build_optimizer
from training.model.library_messages import silence_libraries

SMALL_BUFFERS = {"reduce_bucket_size": 1000, "stage3_max_live_parameters": 1, "stage3_param_persistence_threshold": 0}


def storages(model=None):
    """Address -> storage of every tensor that Python knows, and of gradients, which it may not know."""
    gradients = [] if model is None else [p.grad for p in model.parameters() if p.grad is not None]
    tensors = [thing for thing in [*gc.get_objects(), *gradients] if type(thing) in (torch.Tensor, torch.nn.Parameter)]
    return {t.untyped_storage().data_ptr(): t.untyped_storage() for t in tensors if t.device.type == "cpu"}


def measure(precision, stage):
    gc.collect()
    held = storages()  # kept, so that no address is used again
    config = {"train_batch_size": 4, "train_micro_batch_size_per_gpu": 1, "gradient_accumulation_steps": 2}
    config |= {"zero_optimization": {"stage": stage, **SMALL_BUFFERS}, "zero_allow_untested_optimizer": True}
    config = with_precision(config, precision == "bf16")
    partitioning = activate_zero3_loading(config)
    shape = LlamaConfig(hidden_size=128, intermediate_size=344, num_hidden_layers=2, num_attention_heads=4, vocab_size=2000)
    model = LlamaForCausalLM(shape).to(torch.bfloat16 if precision == "bf16" else torch.float32)
    parameters = model.num_parameters()
    engine, *_ = deepspeed.initialize(model=model, optimizer=build_optimizer(OptimizerSettings(), model), config=config)
    input_ids = torch.randint(0, 2000, (1, 16))
    for micro_batch in range(3):
        engine.backward(engine(input_ids=input_ids, labels=input_ids, use_cache=False).loss)
        if micro_batch < 2:
            engine.step()
    gc.collect()
    found = storages(model)
    del partitioning
    return {
        "precision": precision,
        "stage": stage,
        "parameters": parameters,
        "bytes": sum(storage.nbytes() for address, storage in found.items() if address not in held),
    }


if __name__ == "__main__":
    silence_libraries()
    deepspeed.init_distributed(dist_backend="gloo", verbose=False)
    cases = [(precision, stage) for precision in ("bf16", "fp32") for stage in range(4) if (precision, stage) != ("bf16", 0)]
    results = [measure(*case) for case in cases]
    if dist.get_rank() == 0:
        Path(sys.argv[1]).write_text(json.dumps(results))
    dist.barrier()
    dist.destroy_process_group()
