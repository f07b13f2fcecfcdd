"""Checkpoints that hold more than a text model: loaded, changed and exported, with and without their other parts."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, Qwen3NextConfig, Qwen3NextForCausalLM

from spark_jobs.common.errors import ConfigurationError
from training.architectures.model_checks import check_configuration, check_parts
from training.architectures.model_shapes import find_shape, shape_of
from training.config import LoraSettings, ModelSettings
from training.model.adapters import add_adapters
from training.model.base_checkpoint import open_base
from training.model.model_export import export_model
from training.model.model_loading import load_model
from training.model.translation_tags import add_rows, add_tags

from .wrapped_models import EXPERTS, LINEAR, TEXT, TEXT_CLASSES, WRAPPED, add_tensors, write_wrapped

IDS = torch.tensor([[1, 5, 9, 30, 31, 32, 7, 8]])


def settings_of(folder, **changes):
    return ModelSettings(path=str(folder), precision="fp32", **({"other_parts": "keep"} | changes))


def logits(model):
    with torch.no_grad():
        return model.eval()(input_ids=IDS).logits


def tensors_of(folder):
    return {name: value for path in Path(folder).glob("*.safetensors") for name, value in load_file(path).items()}


def is_text(name):
    return name.startswith(("language_model.", "model.language_model.", "lm_head."))


@pytest.mark.parametrize("kind", WRAPPED)
def test_the_text_part_computes_what_the_whole_model_computes_for_a_text(tmp_path, kind):
    whole = write_wrapped(kind, tmp_path)
    model = load_model(settings_of(tmp_path), torch.float32)
    assert type(model).__name__ == TEXT_CLASSES[kind]
    torch.testing.assert_close(logits(model), logits(whole))
    assert all(parameter.requires_grad for parameter in model.parameters())
    shape = find_shape(str(tmp_path)).shape
    assert (shape, shape.parameters) == (shape_of(model), sum(p.numel() for p in model.parameters()))


@pytest.mark.parametrize("adapters", [False, True], ids=["all is trained", "LoRA"])
@pytest.mark.parametrize("kind", WRAPPED)
def test_a_trained_text_part_returns_into_the_whole_checkpoint(corpus, tmp_path, kind, adapters):
    base, folder = tmp_path / "base", tmp_path / "model"
    whole = write_wrapped(kind, base)
    model = load_model(settings_of(base), torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(corpus.tokenizer)
    add_rows(model, add_tags(tokenizer)[1])
    if adapters:
        model = add_adapters(model, LoraSettings(rank=2), 0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)) / 10)
    export_model(model, tokenizer, folder, (63, 64), main=True, shard_bytes=20_000, base=open_base(str(base)))

    before, after = tensors_of(base), tensors_of(folder)
    assert set(after) == set(before)
    assert {name for name in before if not is_text(name)} >= {name for name in before if "vis" in name} > set()
    for name in before:
        assert is_text(name) or torch.equal(before[name], after[name]), name
    assert any(is_text(name) and not torch.equal(before[name], after[name][: len(before[name])]) for name in before)

    loaded, report = type(whole).from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    torch.testing.assert_close(logits(loaded), logits(model), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(logits(loaded)[..., :63], logits(whole), atol=1e-2)
    config = AutoConfig.from_pretrained(folder)
    assert config.architectures == [type(whole).__name__]
    assert config.get_text_config().vocab_size == 65
    assert config.vision_config.to_dict() == whole.config.vision_config.to_dict()
    assert (folder / "preprocessor_config.json").is_file()
    torch.testing.assert_close(logits(load_model(settings_of(folder), torch.float32)), logits(model), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", WRAPPED)
def test_without_its_other_parts_the_model_is_one_that_every_loader_of_text_models_knows(corpus, tmp_path, kind):
    write_wrapped(kind, tmp_path / "base")
    model = load_model(settings_of(tmp_path / "base", other_parts="drop"), torch.float32)
    export_model(model, AutoTokenizer.from_pretrained(corpus.tokenizer), tmp_path / "model", (), main=True)
    loaded, report = AutoModelForCausalLM.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert type(loaded).__name__ == TEXT_CLASSES[kind]
    assert json.loads((tmp_path / "model" / "config.json").read_text())["architectures"] == [TEXT_CLASSES[kind]]
    torch.testing.assert_close(logits(loaded), logits(model))
    assert not any("vis" in name for name in tensors_of(tmp_path / "model"))
    assert not (tmp_path / "model" / "preprocessor_config.json").exists()


@pytest.mark.parametrize("kind", ["gemma3", "mistral3", "qwen3_5"])
def test_a_checkpoint_with_other_parts_needs_a_decision_before_it_is_loaded(tmp_path, kind):
    write_wrapped(kind, tmp_path)
    tower = "model.visual" if kind == "qwen3_5" else "vision_tower"
    message = rf"holds more than the text model that is trained: .*{tower} \(\d+ tensors\).*model.other_parts=keep .* or =drop"
    for refuse in (check_parts, lambda settings: load_model(settings, torch.float32)):
        with pytest.raises(ConfigurationError, match=message):
            refuse(settings_of(tmp_path, other_parts=None))
    check_parts(settings_of(tmp_path))


@pytest.mark.parametrize("decision", ["keep", "drop"])
def test_layers_that_predict_several_tokens_ahead_are_another_part(corpus, tmp_path, decision):
    base, folder = tmp_path / "base", tmp_path / "model"
    Qwen3NextForCausalLM(Qwen3NextConfig(**TEXT, **LINEAR, **EXPERTS)).save_pretrained(base)
    add_tensors(base, {"mtp.fc.weight": torch.ones(3, 4), "mtp.norm.weight": torch.ones(4, dtype=torch.bfloat16)})
    with pytest.raises(ConfigurationError, match=r"holds more than the text model that is trained: mtp \(2 tensors\)"):
        load_model(settings_of(base, other_parts=None), torch.float32)
    model = load_model(settings_of(base, other_parts=decision), torch.float32)
    kept = open_base(str(base)) if decision == "keep" else None
    export_model(model, AutoTokenizer.from_pretrained(corpus.tokenizer), folder, (), main=True, base=kept)
    extra = {name: value for name, value in tensors_of(folder).items() if name.startswith("mtp")}
    assert set(extra) == ({"mtp.fc.weight", "mtp.norm.weight"} if decision == "keep" else set())
    assert {name for name in tensors_of(base) if not name.startswith("mtp")} == set(tensors_of(folder)) - set(extra)


def test_the_frequencies_of_old_checkpoints_are_not_another_part(base_model, tmp_path):
    shutil.copytree(base_model, tmp_path / "model")
    add_tensors(tmp_path / "model", {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)})
    load_model(settings_of(tmp_path / "model", other_parts=None), torch.float32)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("language_model.model.layers.1.mlp.up_proj.weight", r"lacks 1 tensors of Gemma3ForCausalLM, such as model.layers.1.mlp"),
        ("language_model.model.norm.weight", r"lacks 1 tensors of Gemma3ForCausalLM, such as model.norm.weight"),
    ],
)
def test_a_checkpoint_that_lacks_a_tensor_of_the_text_part_is_refused(tmp_path, name, message):
    write_wrapped("gemma3", tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors[name]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigurationError, match=message):
        load_model(settings_of(tmp_path), torch.float32)


UNSUITABLE = {
    "t5": r"is t5, and transformers has no causal language model for it",
    "vit": r"is vit, and transformers has no causal language model for it",
    "qwen2_5_vl": r"is qwen2_5_vl, whose text model is qwen2_5_vl_text, and transformers has no causal language model for it",
    "musicgen": r"\(musicgen\) holds several text models",
}


@pytest.mark.parametrize("kind", UNSUITABLE)
def test_a_model_that_is_not_a_causal_language_model_is_refused_by_name(base_model, tmp_path, kind):
    os.link(base_model / "model.safetensors", tmp_path / "model.safetensors")
    if kind == "musicgen":
        parts = {"text_encoder": {"model_type": "t5"}, "audio_encoder": {"model_type": "encodec"}}
        content = {"model_type": "musicgen", **parts, "decoder": {"model_type": "musicgen_decoder"}}
        (tmp_path / "config.json").write_text(json.dumps(content))
    else:
        AutoConfig.for_model(kind).save_pretrained(tmp_path)
    with pytest.raises(ConfigurationError, match=UNSUITABLE[kind]):
        check_configuration(settings_of(tmp_path), 16)


def test_a_run_under_zero_3_trains_the_text_and_leaves_the_rest_byte_for_byte(corpus, run_settings, finish, tmp_path):
    base = tmp_path / "base"
    whole = write_wrapped("gemma3", base)
    AutoTokenizer.from_pretrained(corpus.tokenizer).save_pretrained(base)
    model = {"path": str(base), "precision": "fp32", "other_parts": "keep"}
    done = finish(run_settings(tmp_path / "run", 3, model=model, steps=3))
    before, after = tensors_of(base), tensors_of(done.folder / "model")
    assert set(after) == set(before)
    for name in before:
        assert torch.equal(before[name], after[name][: len(before[name])]) != is_text(name), name
    loaded, report = type(whole).from_pretrained(done.folder / "model", output_loading_info=True)
    assert not report["missing_keys"]
    assert not torch.allclose(logits(loaded)[..., :63], logits(whole), atol=1e-2)
    card = (done.folder / "model" / "README.md").read_text()
    assert "Its other parts are here as they were in the base model" in card
    assert done.summary["parameters"] == sum(p.numel() for p in loaded.model.language_model.parameters())
