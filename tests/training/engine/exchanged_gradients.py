"""Launched by test_deepspeed_config.py: saves the gradient that the optimizer of each ZeRO stage receives in bf16.

The model is always the same, after the backward pass of a step's last micro-batch, before any update.
"""

import sys

import deepspeed
import torch
import torch.distributed as dist
from deepspeed.utils import safe_get_full_grad
from transformers import LlamaConfig, LlamaForCausalLM

from training.config import OptimizerSettings
from training.engine.deepspeed_config import activate_zero3_loading, with_precision
from training.engine.optimizer import build_optimizer
from training.model.library_messages import silence_libraries

ACCUMULATION = 8


def gradient(stage: int) -> torch.Tensor:
    """[parameters] in fp32."""
    ranks = dist.get_world_size()
    config = {
        "train_batch_size": ACCUMULATION * ranks,
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": ACCUMULATION,
        "zero_optimization": {"stage": stage},
        "zero_allow_untested_optimizer": True,
    }
    config = with_precision(config, bf16=True)
    partitioning = activate_zero3_loading(config)
    torch.manual_seed(0)
    shape = LlamaConfig(hidden_size=64, intermediate_size=172, num_hidden_layers=2, num_attention_heads=4, vocab_size=200)
    model = LlamaForCausalLM(shape).to(torch.bfloat16)
    engine, *_ = deepspeed.initialize(model=model, optimizer=build_optimizer(OptimizerSettings(), model), config=config)
    tokens = torch.Generator().manual_seed(dist.get_rank())
    for micro_batch in range(ACCUMULATION):
        input_ids = torch.randint(0, 200, (1, 16), generator=tokens)
        engine.backward(engine(input_ids=input_ids, labels=input_ids, use_cache=False).loss)
        if micro_batch < ACCUMULATION - 1:
            engine.step()
    del partitioning
    return torch.cat([safe_get_full_grad(parameter).float().flatten() for parameter in engine.module.parameters()])


if __name__ == "__main__":
    silence_libraries()
    deepspeed.init_distributed(dist_backend="gloo", verbose=False)
    found = {stage: gradient(stage) for stage in (1, 2, 3)}
    if dist.get_rank() == 0:
        torch.save(found, sys.argv[1])
    dist.barrier()
    dist.destroy_process_group()
