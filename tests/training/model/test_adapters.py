"""Adapters: their layers, the trained parameters, the merged weights, and runs with them that are resumed."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
)

from training.config import LoraSettings, ModelSettings, OptimizerSettings
from training.engine.optimizer import build_optimizer
from training.model.adapters import add_adapters, plain_weights
from training.model.model_export import export_model
from training.model.translation_tags import add_rows, add_tags

RANK_4 = LoraSettings(rank=4, alpha=12)
IDS = torch.tensor([[1, 5, 9, 30, 31, 32]])


def tiny_llama(tied=False, dtype=torch.float32):
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=65, tie_word_embeddings=tied, **sizes)).to(dtype)


def tiny_gpt2():
    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(vocab_size=65, n_embd=8, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=2))


def tiny_mixture(family):
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        family,
        vocab_size=65,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        num_experts_per_tok=2,
        moe_intermediate_size=8,
        shared_expert_intermediate_size=8,
        **({"num_local_experts": 4} if family == "mixtral" else {"num_experts": 4}),
    )
    return AutoModelForCausalLM.from_config(config)


MODELS = {
    "llama": tiny_llama,
    "tied llama": lambda: tiny_llama(tied=True),
    "gpt2": tiny_gpt2,
    # peft wraps the fused experts of these three if it sees their configuration
    "mixtral": lambda: tiny_mixture("mixtral"),
    "qwen2_moe": lambda: tiny_mixture("qwen2_moe"),
    "qwen3_moe": lambda: tiny_mixture("qwen3_moe"),
}


def trained_of(model):
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def with_values(model):
    """The adapters with random values in both matrices: B begins at zero, which would hide every error."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / 5)
    return model


def logits(model):
    with torch.no_grad():
        return model.eval()(input_ids=IDS).logits


# --- their layers, and their effect ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MODELS)
def test_every_linear_layer_but_the_output_matrix_gets_an_adapter_and_nothing_else_is_trained(kind):
    model = MODELS[kind]()
    output = model.get_output_embeddings()
    linear = {
        name for name, layer in model.named_modules() if isinstance(layer, nn.Linear) or type(layer).__name__ == "Conv1D"
    } - {"lm_head"}
    assert type(add_adapters(model, RANK_4, seed=0)) is type(MODELS[kind]())
    assert trained_of(model) == {f"{name}.lora_{matrix}.default.weight" for name in linear for matrix in "AB"}
    assert model.get_output_embeddings() is output


def test_a_model_with_new_adapters_computes_the_same_as_before(corpus):
    expected = logits(tiny_llama())
    assert torch.equal(logits(add_adapters(tiny_llama(), RANK_4, seed=0)), expected)


def test_adapters_begin_with_the_seed_whatever_random_numbers_were_drawn_before():
    begun = []
    for seed, drawn in ((0, 0), (0, 7), (1, 0)):
        model = tiny_llama()
        torch.rand(drawn)
        add_adapters(model, RANK_4, seed)
        begun.append({name: p.tolist() for name, p in model.named_parameters() if p.requires_grad})
    assert begun[0] == begun[1] != begun[2]


def test_adapters_have_the_dtype_of_the_model():
    model = add_adapters(tiny_llama(dtype=torch.bfloat16), RANK_4, seed=0)
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}


def test_dropout_applies_to_adapters_and_in_training_only():
    model = with_values(add_adapters(tiny_llama(), LoraSettings(rank=4, dropout=0.5), seed=0))
    one, two = (model.train()(input_ids=IDS).logits for _ in range(2))
    assert not torch.equal(one, two)
    assert torch.equal(logits(model), logits(model))


def test_steps_change_adapters_and_leave_the_base_as_it_was():
    model = add_adapters(tiny_llama(), RANK_4, seed=0)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    optimizer = build_optimizer(OptimizerSettings(learning_rate=1e-2), model)
    losses = []
    for _ in range(5):
        loss = model(input_ids=IDS, labels=IDS).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    changed = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    assert changed == trained_of(model)


def test_gradient_checkpointing_gives_the_same_gradients():
    gradients = []
    for checkpointing in (False, True):
        model = with_values(add_adapters(tiny_llama(), LoraSettings(rank=4, dropout=0.5), seed=0)).train()
        if checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        torch.manual_seed(3)
        model(input_ids=IDS, labels=IDS, use_cache=False).loss.backward()
        gradients.append([p.grad.tolist() for p in model.parameters() if p.requires_grad])
    assert gradients[0] == gradients[1]


# --- merged weights -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MODELS)
def test_an_exported_model_has_plain_names_and_computes_the_same_as_with_adapters(corpus, tmp_path, kind):
    model = with_values(add_adapters(MODELS[kind](), RANK_4, seed=0))
    base = MODELS[kind]()
    tokenizer = AutoTokenizer.from_pretrained(corpus.tokenizer)
    export_model(model, tokenizer, tmp_path / "model", (), main=True, shard_bytes=5000)
    base.save_pretrained(tmp_path / "base")
    names, plain = (
        {name for path in (tmp_path / part).glob("*.safetensors") for name in load_file(path)} for part in ("model", "base")
    )
    assert names == plain
    assert not (tmp_path / "model" / "adapter_config.json").exists()
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    torch.testing.assert_close(logits(loaded), logits(model), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(logits(base), logits(model), atol=1e-2), "the adapters add nothing: the case is void"


def test_the_merged_weights_are_those_of_peft_in_fp32():
    from peft import LoraConfig, get_peft_model

    ours = with_values(add_adapters(tiny_llama(), RANK_4, seed=0))
    theirs = get_peft_model(tiny_llama(), LoraConfig(r=4, lora_alpha=12, target_modules="all-linear", task_type="CAUSAL_LM"))
    merged = with_values(theirs).merge_and_unload().state_dict()
    assert {name: weight.value().tolist() for name, weight in plain_weights(ours).items()} == {
        name: weight.tolist() for name, weight in merged.items()
    }


def test_a_merged_weight_in_bf16_is_rounded_once():
    model = with_values(add_adapters(tiny_llama(dtype=torch.bfloat16), RANK_4, seed=0))
    weight = plain_weights(model)["model.layers.0.mlp.up_proj.weight"]
    layer = model.model.layers[0].mlp.up_proj
    up, down = layer.lora_B["default"].weight.detach(), layer.lora_A["default"].weight.detach()
    exact = layer.base_layer.weight.detach().double() + 3.0 * (up.double() @ down.double())
    assert weight.dtype == weight.value().dtype == torch.bfloat16
    assert torch.equal(weight.value(), exact.float().bfloat16())
    twice = layer.base_layer.weight.detach() + 3.0 * (up @ down)
    assert not torch.equal(weight.value(), twice), "rounding at each step gives the same: the case is void"


def test_a_model_without_adapters_has_its_own_weights():
    model = tiny_llama(tied=True)
    weights = plain_weights(model)
    assert {name: weight.value().tolist() for name, weight in weights.items()} == {
        name: value.tolist() for name, value in model.state_dict().items()
    }
    assert {weight.adapter for weight in weights.values()} == {None}


# --- runs -----------------------------------------------------------------------------------------------------------------


def settings_of(run_settings, base_model, output_dir, stage, dropout=0.1, **changes):
    lora = LoraSettings(rank=4, alpha=8, dropout=dropout).model_dump()
    model = ModelSettings(path=str(base_model), precision="fp32", lora=lora).model_dump(mode="json")
    more = {"checkpoint": {"every": 3, "keep": 2}, "resume": True}
    return run_settings(output_dir, stage, model=model, **more | changes)


def losses(folder):
    return [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def weights(folder):
    return {name: value.tolist() for name, value in load_file(folder / "model" / "model.safetensors").items()}


def unfinished(folder, copy, last):
    """A copy of a finished run as it was when it had just written the checkpoint of step `last`."""
    shutil.copytree(folder, copy)
    (copy / "run.json").unlink()
    shutil.rmtree(copy / "model")
    for path in (copy / "checkpoints").iterdir():
        if int(path.name.removeprefix("step-")) > last:
            shutil.rmtree(path)
    return copy


@pytest.fixture(scope="module")
def run(finish, run_settings, base_model, tmp_path_factory):
    """`run(stage, dropout)` is the folder of a finished run on two ranks, with checkpoints of steps 6 and 9 of 12."""
    folders = {}

    def of(stage, dropout=0.1):
        if (stage, dropout) not in folders:
            folders[stage, dropout] = tmp_path_factory.mktemp(f"lora{stage}") / "run"
            finish(settings_of(run_settings, base_model, folders[stage, dropout], stage, dropout))
        return folders[stage, dropout]

    return of


@pytest.mark.slow
def test_a_run_trains_adapters_and_leaves_a_plain_model_with_the_base_under_them(run, base_model):
    folder = run(2)
    assert losses(folder)[-1] < losses(folder)[0] - 0.05
    summary = json.loads((folder / "run.json").read_text())
    layers = {(48, 48): 8, (96, 48): 6}  # two blocks: four square matrices each, and three of the feed-forward layer
    assert summary["trained_parameters"] == sum(4 * (a + b) * count for (a, b), count in layers.items())
    base = AutoModelForCausalLM.from_pretrained(base_model)
    add_rows(base, add_tags(AutoTokenizer.from_pretrained(base_model))[1])
    before, after = {name: value.tolist() for name, value in base.state_dict().items()}, weights(folder)
    assert list(before.keys() ^ after.keys()) == []
    same = {name for name in before if before[name] == after[name]}
    assert same == {name for name in before if "proj" not in name}
    card = ModelCard.load(folder / "model" / "README.md")
    assert "LoRA, rank 4, alpha 8" in card.text
    assert f"trained {summary['trained_parameters']:,}" in card.text


@pytest.mark.slow
def test_checkpoints_of_adapters_do_not_hold_the_base(run, base_model):
    size = sum(path.stat().st_size for path in (run(2) / "checkpoints" / "step-000009").glob("*model_states.pt"))
    assert size < (base_model / "model.safetensors").stat().st_size / 3


@pytest.mark.slow
@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_a_run_with_adapters_and_dropout_resumes_bit_for_bit(finish, run_settings, base_model, run, tmp_path, stage):
    copy = unfinished(run(stage), tmp_path / "run", last=9)
    done = finish(settings_of(run_settings, base_model, copy, stage))
    assert "step 9: resumed" in done.stdout
    assert losses(copy) == losses(run(stage))
    assert weights(copy) == weights(run(stage))


@pytest.mark.slow
@pytest.mark.parametrize("stage", [0, 1, 3])
def test_the_stages_agree(run, stage):
    assert losses(run(stage)) == pytest.approx(losses(run(2)), rel=1e-5)


@pytest.mark.slow
def test_a_run_moves_to_one_rank_and_back_under_zero_3(finish, run_settings, base_model, run, tmp_path):
    stage = 3
    # Without dropout, which is drawn by each rank.
    expected = losses(run(stage, 0.0))
    alone = unfinished(run(stage, 0.0), tmp_path / "alone", last=6)
    done = finish(settings_of(run_settings, base_model, alone, stage, 0.0, elastic=True), ranks=None)
    assert "step 6: resumed" in done.stdout
    assert losses(alone) == pytest.approx(expected, rel=1e-4)
    back = unfinished(alone, tmp_path / "back", last=9)
    done = finish(settings_of(run_settings, base_model, back, stage, 0.0, elastic=True))
    assert "step 9: resumed" in done.stdout
    assert losses(back) == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_bf16_with_gradient_checkpointing_under_zero_3_learns(finish, run_settings, base_model, run, tmp_path):
    settings = settings_of(run_settings, base_model, tmp_path / "run", 3)
    settings["model"] |= {"precision": "bf16", "gradient_checkpointing": True}
    finish(settings)
    assert losses(Path(tmp_path / "run")) == pytest.approx(losses(run(2)), abs=0.1)
    saved = load_file(tmp_path / "run" / "model" / "model.safetensors")
    assert {value.dtype for value in saved.values()} == {torch.bfloat16}
