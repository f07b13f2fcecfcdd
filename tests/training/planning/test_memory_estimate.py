"""The memory estimate: against the ZeRO paper, and against measurements of DeepSpeed, AdamW and autograd."""

import doctest
import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from training.architectures.model_shapes import ModelShape, shape_of
from training.config import OptimizerSettings
from training.engine.optimizer import build_optimizer
from training.loop.optimizer_step import summed_loss
from training.planning import memory_estimate
from training.planning.memory_estimate import ZERO_PAPER, MemoryEstimate, buffer_bytes, estimate_memory, layer_bytes, model_states

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
LLAMA_2_7B = ModelShape(6_738_415_616, 131_072_000, 4096, 32, 32, 32, 128, 11_008, 32_000)
RUN = {"sequence_length": 2048, "micro_batch_size": 1}
GB = 1e9


def small(family=LlamaForCausalLM, config=LlamaConfig, layers=2, vocabulary=100, attention="sdpa", **sizes):
    sizes = {"hidden_size": 64, "intermediate_size": 172, "num_attention_heads": 4, "num_key_value_heads": 4} | sizes
    return family._from_config(
        config(num_hidden_layers=layers, vocab_size=vocabulary, **sizes), attn_implementation=attention
    ).train()


def test_the_worked_examples_hold():
    assert doctest.testmod(memory_estimate).failed == 0


@pytest.mark.parametrize(
    ("ranks", "stage1", "stage2", "stage3"),
    # Rajbhandari et al. 2020, table 1, first column: GB of a model of 7.5 billion parameters.
    [
        (1, 120, 120, 120),
        (4, 52.5, 41.3, 30),
        (16, 35.6, 21.6, 7.5),
        (64, 31.4, 16.6, 1.88),
        (256, 30.4, 15.4, 0.47),
        (1024, 30.1, 15.1, 0.12),
    ],
)
def test_with_the_papers_bytes_the_states_are_those_of_its_table(ranks, stage1, stage2, stage3):
    count = 7_500_000_000
    assert sum(model_states(count, count, ranks, 0, ZERO_PAPER)) == 120 * GB
    for stage, expected in ((1, stage1), (2, stage2), (3, stage3)):
        assert sum(model_states(count, count, ranks, stage, ZERO_PAPER)) / GB == pytest.approx(expected, rel=0.025)


@pytest.mark.parametrize(
    ("stage", "offload", "states", "host"),
    # Calculated for P = 6,738,415,616 on 8 ranks.
    [
        (1, "none", (13_476_831_232, 6 * 6_738_415_616, 10_107_623_424), 0),
        (2, "none", (13_476_831_232, 3_369_207_808, 10_107_623_424), 0),
        (3, "none", (1_684_603_904, 3_369_207_808, 10_107_623_424), 0),
        (1, "optimizer", (13_476_831_232, 13_476_831_232, 0), 13_476_831_232),
        (2, "optimizer", (13_476_831_232, 0, 0), 13_476_831_232),
        (3, "optimizer", (1_684_603_904, 0, 0), 13_476_831_232),
        (3, "all", (0, 0, 0), 13_476_831_232 + 1_684_603_904),
    ],
)
def test_states_of_llama_2_7b_on_eight_gpus(stage, offload, states, host):
    found = estimate_memory(LLAMA_2_7B, stage=stage, ranks=8, offload=offload, **RUN)
    assert (found.parameters, found.gradients, found.optimizer) == states
    assert (found.states, found.host) == (sum(states), host)


def test_activations_of_llama_2_7b():
    kept = estimate_memory(LLAMA_2_7B, stage=3, ranks=8, **RUN)
    # 45.5 x 4,096 bytes a layer and token, 8 x 4,096 for the last norm; 12 bytes of logits a vocabulary entry.
    assert kept.activations == 2048 * (32 * 186_368 + 32_768)
    assert (kept.recomputed, kept.logits) == (0, 2048 * 12 * 32_000)
    again = estimate_memory(LLAMA_2_7B, stage=3, ranks=8, gradient_checkpointing=True, **RUN)
    assert again.activations == 2048 * (32 * 2 * 4096 + 32_768)
    assert again.recomputed == 2048 * (186_368 + 2 * 11_008)
    assert again.total == again.states + again.buffers + again.activations + again.logits


@pytest.mark.parametrize(("stage", "offload"), [(0, "optimizer"), (0, "all"), (1, "all"), (2, "all")])
def test_an_offload_that_zero_does_not_have_is_refused(stage, offload):
    with pytest.raises(ValueError, match=f"ZeRO stage {stage} cannot offload '{offload}'"):
        estimate_memory(LLAMA_2_7B, stage=stage, ranks=8, offload=offload, **RUN)


@pytest.mark.parametrize(
    ("stage", "precision", "ranks", "zero", "expected"),
    [
        (0, "fp32", 1, {}, 0),
        (0, "fp32", 2, {}, 4 * 500_000_000),
        (1, "bf16", 2, {}, 4 * 500_000_000),
        (2, "bf16", 8, {}, 2 * 500_000_000),
        (2, "bf16", 8, {"overlap_comm": True}, 4 * 500_000_000),
        (2, "bf16", 8, {"reduce_bucket_size": 1e6, "overlap_comm": True}, 4_000_000),
        (3, "bf16", 8, {}, 2 * 500_000_000 + 2 * 1_000_000_000),
        (3, "bf16", 8, {"stage3_max_live_parameters": 1e8, "reduce_bucket_size": "auto"}, 2 * 500_000_000 + 2 * 100_000_000),
    ],
)
def test_buffers_have_the_sizes_of_the_deepspeed_configuration(stage, precision, ranks, zero, expected):
    assert buffer_bytes(LLAMA_2_7B.parameters, LLAMA_2_7B.parameters, ranks, stage, precision, zero) == expected


def test_a_frozen_parameter_has_neither_gradient_nor_optimizer_states():
    some = estimate_memory(LLAMA_2_7B, stage=2, ranks=8, trained=8_000_000, **RUN)
    assert (some.parameters, some.gradients, some.optimizer) == (13_476_831_232, 4_000_000, 12_000_000)


def test_the_step_counts_where_it_needs_more_than_the_backward_pass():
    shape = ModelShape(1_000_000_000, 0, 8, 1, 1, 1, 8, 8, 8)
    found = estimate_memory(shape, stage=0, ranks=1, sequence_length=8, precision="fp32")
    assert found.total == found.states + 4 * shape.parameters


def test_a_tenth_of_the_device_stays_free():
    found = MemoryEstimate(90, 0, 0, 0, 0, 0, 0, 0, 0)
    assert found.fits(100)
    assert not found.fits(99)


@pytest.mark.parametrize("tied", [False, True])
def test_parameters_and_optimizer_states_are_those_of_a_real_model(tied):
    model = small(tie_word_embeddings=tied)
    optimizer = build_optimizer(OptimizerSettings(), model)
    model(input_ids=torch.zeros((1, 8), dtype=torch.long), labels=torch.zeros((1, 8), dtype=torch.long)).loss.backward()
    optimizer.step()
    expected = estimate_memory(shape_of(model), stage=0, ranks=1, sequence_length=8, precision="fp32")
    assert expected.parameters == sum(p.nbytes for p in model.parameters())
    assert expected.gradients == sum(p.grad.nbytes for p in model.parameters())
    moments = [state[name] for state in optimizer.state.values() for name in ("exp_avg", "exp_avg_sq")]
    assert expected.optimizer == sum(moment.nbytes for moment in moments)


def kept_for_backward(model, sequences, length):
    """Bytes of the tensors that autograd keeps for the backward pass, without parameters and buffers."""
    own = {tensor.untyped_storage().data_ptr() for tensor in [*model.parameters(), *model.buffers()]}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model.base_model(input_ids=torch.zeros((sequences, length), dtype=torch.long), use_cache=False)
    return sum(storage.nbytes() for storage in kept.values())


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize(
    "architecture",
    [
        {},
        {"num_key_value_heads": 2},
        {"attention": "eager"},
        {"attention": "eager", "num_key_value_heads": 2},
        {"family": MistralForCausalLM, "config": MistralConfig, "num_key_value_heads": 2},
        {"family": Qwen2ForCausalLM, "config": Qwen2Config, "num_key_value_heads": 1},
    ],
    ids=["llama", "llama-gqa", "eager", "eager-gqa", "mistral", "qwen2"],
)
def test_a_layer_keeps_what_autograd_keeps(architecture, precision):
    one, three = (small(layers=layers, **architecture).to(DTYPES[precision]) for layers in (1, 3))
    measured = (kept_for_backward(three, 2, 64) - kept_for_backward(one, 2, 64)) / 2
    expected = layer_bytes(shape_of(one), 64, precision, architecture.get("attention", "sdpa")) * 2 * 64
    assert measured == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize("used", [2, 4])
def test_a_layer_of_experts_keeps_the_tensors_of_those_that_a_token_uses(used, precision):
    sizes = {"num_key_value_heads": 2, "intermediate_size": 160, "num_local_experts": 8, "num_experts_per_tok": used}
    one, three = (small(MixtralForCausalLM, MixtralConfig, layers=layers, **sizes).to(DTYPES[precision]) for layers in (1, 3))
    measured = (kept_for_backward(three, 2, 64) - kept_for_backward(one, 2, 64)) / 2
    assert measured == pytest.approx(layer_bytes(shape_of(one), 64, precision) * 2 * 64, rel=0.04)


def test_all_experts_have_states_and_zero_3_gathers_those_of_a_layer_at_once():
    with torch.device("meta"):
        mixtral = shape_of(MixtralForCausalLM(MixtralConfig()))
    found = estimate_memory(mixtral, stage=3, ranks=64, **RUN)
    assert found.parameters == -(-2 * 46_702_792_704 // 64)
    experts = 8 * 3 * 4096 * 14_336  # of one layer; more than stage3_max_live_parameters
    assert found.buffers == 2 * 500_000_000 + 2 * experts


def peak_of_backward(model, sequences, length):
    """Peak bytes of a forward and backward pass, without parameters and existing gradients."""
    input_ids = torch.zeros((sequences, length), dtype=torch.long)
    summed_loss(model, input_ids, input_ids).backward()
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        summed_loss(model, input_ids, input_ids).backward()
    held = peak = 0
    for event in profiled.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize(
    ("layers", "vocabulary", "again"),
    [(3, 200, False), (3, 4000, False), (6, 200, True), (6, 4000, True)],
    ids=["activations", "logits", "checkpointed", "checkpointed-logits"],
)
def test_the_peak_of_a_step_is_as_estimated(layers, vocabulary, again, precision):
    model = small(layers=layers, vocabulary=vocabulary).to(DTYPES[precision])
    if again:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    sizes = {"sequence_length": 192, "micro_batch_size": 2, "precision": precision, "gradient_checkpointing": again}
    found = estimate_memory(shape_of(model), stage=0, ranks=1, **sizes)
    expected = found.activations + max(found.logits, found.recomputed)
    # In a small model, memory that is not counted shows, and differs between processors: scratch memory of matrix products,
    # gradients of weights before they are added, ids, statistics.
    assert peak_of_backward(model, 2, 192) == pytest.approx(expected, rel=0.06)


@pytest.mark.slow
def test_states_are_the_bytes_of_the_tensors_of_a_deepspeed_engine(repository, rank_environment, tmp_path):
    script = Path(__file__).with_name("measured_states.py")
    environment = os.environ | rank_environment | {"PYTHONPATH": str(repository)}
    torchrun = [str(Path(sys.executable).with_name("torchrun")), "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*torchrun, str(script), str(tmp_path / "states.json")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    results = json.loads((tmp_path / "states.json").read_text())
    assert len(results) == 7
    for result in results:
        shape = ModelShape(result["parameters"], 0, 128, 2, 4, 4, 32, 344, 2000)
        expected = estimate_memory(shape, stage=result["stage"], ranks=2, sequence_length=16, precision=result["precision"])
        assert result["bytes"] == pytest.approx(expected.states, rel=0.005), result
