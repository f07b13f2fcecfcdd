"""The directory that a run leaves: what plain transformers makes of it, its files, and its card."""

import importlib.util
import json
import os
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
import safetensors.torch
import torch
import yaml
from huggingface_hub import ModelCard
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
)

from training.config import TrainSettings
from training.engine.launch_environment import Ranks
from training.model.model_card import base_model_name, describe_insertion, language_tags, model_card, model_card_head
from training.model.model_export import export_model
from training.model.translation_tags import add_rows, add_tags

TAGS = (63, 64)


def tiny_llama(tied=False, layers=2):
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": layers, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=65, tie_word_embeddings=tied, bos_token_id=1, eos_token_id=2, **sizes))


@pytest.fixture
def tokenizer(corpus):
    tokenizer = AutoTokenizer.from_pretrained(corpus.tokenizer)
    add_tags(tokenizer)
    return tokenizer


def values(model):
    return {name: value.tolist() for name, value in model.state_dict().items()}


def files_of(folder):
    """File name -> its tensors."""
    return {path.name: load_file(path) for path in sorted(Path(folder).glob("*.safetensors"))}


@pytest.mark.parametrize("shard_bytes", [10**6, 5000], ids=["one file", "several files"])
@pytest.mark.parametrize("tied", [True, False])
def test_an_exported_model_is_the_same_when_plain_transformers_loads_it(tokenizer, tmp_path, tied, shard_bytes):
    model = tiny_llama(tied)
    export_model(model, tokenizer, tmp_path / "model", TAGS, main=True, shard_bytes=shard_bytes)
    files = files_of(tmp_path / "model")
    assert (len(files) > 3) == (shard_bytes == 5000)
    assert ("lm_head.weight" in {name for tensors in files.values() for name in tensors}) == (not tied)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert values(loaded) == values(model)
    assert (loaded.get_input_embeddings().weight is loaded.get_output_embeddings().weight) == tied
    assert loaded.generation_config.suppress_tokens == list(TAGS)
    assert len(AutoTokenizer.from_pretrained(tmp_path / "model")) == 65


def test_no_file_of_weights_is_larger_than_asked_and_the_index_names_every_tensor(tokenizer, tmp_path):
    model = tiny_llama()
    export_model(model, tokenizer, tmp_path / "model", TAGS, main=True, shard_bytes=5000)
    files = files_of(tmp_path / "model")
    assert list(files) == [f"model-{number:05d}-of-{len(files):05d}.safetensors" for number in range(1, len(files) + 1)]
    assert max(sum(tensor.nbytes for tensor in tensors.values()) for tensors in files.values()) <= 5000
    index = json.loads((tmp_path / "model" / "model.safetensors.index.json").read_text())
    assert index["weight_map"] == {name: file for file, tensors in files.items() for name in tensors}
    assert index["metadata"]["total_size"] == sum(weight.nbytes for weight in model.parameters())


def test_the_main_rank_holds_the_weights_of_one_file_only(tokenizer, tmp_path, monkeypatch):
    held, save_file = [], safetensors.torch.save_file

    def watched(tensors, *arguments, **more):
        assert [tensor for tensor in held if tensor() is not None] == [], "tensors of the file before are still in memory"
        held[:] = [weakref.ref(tensor) for tensor in tensors.values()]
        save_file(tensors, *arguments, **more)

    monkeypatch.setattr(safetensors.torch, "save_file", watched)
    export_model(tiny_llama(), tokenizer, tmp_path / "model", TAGS, main=True, shard_bytes=5000)
    assert len(files_of(tmp_path / "model")) > 3


def test_fused_experts_are_written_as_the_pieces_that_published_models_have(tokenizer, tmp_path):
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(0)
    model = MixtralForCausalLM(MixtralConfig(vocab_size=65, num_key_value_heads=2, num_local_experts=2, **sizes))
    export_model(model, tokenizer, tmp_path / "model", TAGS, main=True, shard_bytes=5000)
    names = {name for tensors in files_of(tmp_path / "model").values() for name in tensors}
    assert "model.layers.0.block_sparse_moe.experts.1.w2.weight" in names
    assert values(AutoModelForCausalLM.from_pretrained(tmp_path / "model")) == values(model)


def test_another_architecture_with_a_tied_output_is_the_same_again(tokenizer, tmp_path):
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=65, n_embd=8, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=2))
    export_model(model, tokenizer, tmp_path / "model", TAGS, main=True)
    assert values(AutoModelForCausalLM.from_pretrained(tmp_path / "model")) == values(model)


GENERATE = """
import json, sys
sys.modules["training"] = sys.modules["spark_jobs"] = sys.modules["peft"] = sys.modules["deepspeed"] = None
from transformers import AutoModelForCausalLM, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
prompt = tokenizer("w5 w6 w7", return_tensors="pt", return_token_type_ids=False)
def generated():
    return model.generate(**prompt, max_new_tokens=20, do_sample=False)[0, prompt["input_ids"].shape[1]:].tolist()
with_setting = generated()
model.generation_config.suppress_tokens = None
print(json.dumps([with_setting, generated(), tokenizer.convert_tokens_to_ids(["<translate>", "</translate>"])]))
"""


def test_a_model_that_likes_tags_best_never_writes_them_in_another_process(tokenizer, tmp_path):
    model = tiny_llama()
    with torch.no_grad():
        # Every embedding is ones and no layer adds to it, so every state is ones, and the logit of a token grows with its id.
        model.model.embed_tokens.weight.fill_(1)
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.lm_head.weight.copy_(torch.linspace(-1, 1, 65)[:, None].expand(65, 16))
    export_model(model, tokenizer, tmp_path / "model", TAGS, main=True, shard_bytes=5000)
    done = subprocess.run(
        [sys.executable, "-c", GENERATE, str(tmp_path / "model")], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    suppressed, free, tags = json.loads(done.stdout)
    assert tags == list(TAGS)
    assert free == [64] * 20, "without the setting they would come, or the case is void"
    assert suppressed == [62] * 20


# --- the folder ----------------------------------------------------------------------------------------------------------


def test_the_model_that_goes_on_training_is_not_changed(tokenizer, tmp_path):
    model = tiny_llama()
    model.config.use_cache = False
    before = values(model), model.config.to_dict(), model.generation_config.to_dict()
    export_model(model, tokenizer, tmp_path / "model", TAGS, main=True)
    assert (values(model), model.config.to_dict(), model.generation_config.to_dict()) == before
    saved = json.loads((tmp_path / "model" / "config.json").read_text())
    assert (saved["use_cache"], saved["architectures"], saved["dtype"]) == (True, ["LlamaForCausalLM"], "float32")


def test_an_export_replaces_what_a_run_that_was_killed_after_it_had_left(tokenizer, tmp_path):
    for name in ("model", "model.partial", "model.replaced"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").write_text("old")
    export_model(tiny_llama(), tokenizer, tmp_path / "model", TAGS, main=True)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert not (tmp_path / "model" / "old").exists()


def test_whoever_may_read_the_configuration_may_read_the_weights(tokenizer, tmp_path):
    export_model(tiny_llama(), tokenizer, tmp_path / "model", TAGS, main=True)
    assert len({path.stat().st_mode for path in (tmp_path / "model").iterdir()}) == 1


def test_an_export_that_fails_leaves_no_folder_under_the_name(tokenizer, tmp_path, monkeypatch):
    def full(*arguments, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        export_model(tiny_llama(), tokenizer, tmp_path / "model", TAGS, main=True)
    assert not (tmp_path / "model").exists()


def test_other_ranks_write_nothing(tokenizer, tmp_path):
    export_model(tiny_llama(), tokenizer, tmp_path / "model", TAGS, main=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("before", "suppress", "after"), [(None, TAGS, [63, 64]), ([7, 64], TAGS, [7, 63, 64]), ([7], (), [7]), (None, (), None)]
)
def test_tags_join_the_tokens_that_the_base_model_suppresses_already(tokenizer, tmp_path, before, suppress, after):
    model = tiny_llama()
    model.generation_config.suppress_tokens = before
    export_model(model, tokenizer, tmp_path / "model", suppress, main=True)
    assert GenerationConfig.from_pretrained(tmp_path / "model").suppress_tokens == after


def test_a_base_model_whose_generation_settings_contradict_each_other_is_exported_all_the_same(tokenizer, tmp_path):
    model = tiny_llama()
    model.generation_config = GenerationConfig(do_sample=False, temperature=0.9, bos_token_id=1, eos_token_id=2)
    export_model(model, tokenizer, tmp_path / "model", TAGS, main=True)
    loaded = GenerationConfig.from_pretrained(tmp_path / "model")
    assert (loaded.temperature, loaded.suppress_tokens) == (0.9, list(TAGS))


# --- two ranks under ZeRO-3 ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def zero3(repository, run_settings, base_model, tmp_path_factory):
    """Folder of two exports from engines of ZeRO-3 on two ranks, `plain` and `adapters`, and their settings."""
    folder = tmp_path_factory.mktemp("zero3")
    models = {"plain": {}, "adapters": {"lora": {"rank": 4}}}
    settings = {
        name: run_settings(folder / f"{name}_run", 3, model={"path": str(base_model), "precision": "bf16", **lora})
        for name, lora in models.items()
    }
    for name, content in settings.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    environment = {**os.environ, "DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(repository)}
    torchrun = [str(Path(sys.executable).with_name("torchrun")), "--standalone", "--nproc-per-node", "2"]
    script = Path(__file__).with_name("exported_engines.py")
    command = [*torchrun, str(script), str(folder / "exported"), *(str(folder / f"{name}.json") for name in settings)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return folder / "exported", {name: TrainSettings(**content) for name, content in settings.items()}


def helper():
    """exported_engines.py as a module."""
    spec = importlib.util.spec_from_file_location("exported_engines", Path(__file__).with_name("exported_engines.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "adapters"])
def test_what_zero_3_has_dealt_to_two_ranks_is_exported_as_one_process_would(zero3, tmp_path, name):
    from training.engine.deepspeed_engine import build_model

    folder, settings = zero3
    tokenizer = AutoTokenizer.from_pretrained(settings[name].model.path)
    tags, rows = add_tags(tokenizer)
    model = build_model(settings[name], rows, "bf16", Ranks(0, 0, 1, None))
    tools = helper()
    tools.known_weights(model)
    export_model(model, tokenizer, tmp_path / name, tags, main=True, shard_bytes=tools.SHARD_BYTES)
    expected = {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
    assert len([file for file in expected if file.endswith(".safetensors")]) > 1
    assert {path.name: path.read_bytes() for path in (folder / name).iterdir()} == expected
    base = AutoModelForCausalLM.from_pretrained(settings[name].model.path, dtype=torch.bfloat16)
    add_rows(base, rows)
    loaded = AutoModelForCausalLM.from_pretrained(folder / name)
    assert list(loaded.state_dict()) == list(base.state_dict())
    layer = "model.layers.0.self_attn.q_proj.weight"
    assert not torch.equal(loaded.state_dict()[layer], base.state_dict()[layer]), "nothing was trained, or the case is void"


# --- the card ------------------------------------------------------------------------------------------------------------

RUN = {
    "steps": 12,
    "tokens": 6144,
    "links_seen": 1234,
    "links_inserted": 617,
    "first_loss": 4.17438,
    "last_loss": 2.5,
    "skipped_steps": 0,
    "parameters": 60_000,
    "trained_parameters": 60_000,
    "precision": "bf16",
    "zero_stage": 3,
    "ranks": 2,
    "device": "cpu",
    "data_fingerprint": "d" * 32,
    "stream_fingerprint": "f" * 32,
    "stream_hash": "a" * 32,
    "tokenizer": {"name": "words", "vocab_size": 63, "vocabulary_sha256": "e" * 64},
    "pivot": "en",
    "span_mapping": "exact",
    "versions": {"python": "3.11.9", "torch": "2.10.0"},
}


def settings_of(run_settings, tmp_path, **changes):
    return TrainSettings(**run_settings(tmp_path / "run", 2, **changes))


def head(text):
    return yaml.safe_load(text)


def test_the_head_of_the_card_is_what_the_hub_reads(run_settings, tmp_path):
    model = {"path": "meta-llama/Llama-2-7b-hf", "lora": None}
    found = head(model_card_head(settings_of(run_settings, tmp_path, model=model)))
    assert found == {
        "language": ["es", "ja"],
        "base_model": "meta-llama/Llama-2-7b-hf",
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "license": "other",
        "license_name": "license-of-the-base-model",
        "license_link": "https://huggingface.co/meta-llama/Llama-2-7b-hf",
        "tags": ["leia", "wikipedia", "cross-lingual"],
    }


def test_a_base_model_on_a_local_disk_has_no_id_at_the_hub_and_its_folders_stay_private(run_settings, tmp_path, base_model):
    settings = settings_of(run_settings, tmp_path)
    assert "base_model" not in head(model_card_head(settings))
    assert base_model_name(str(base_model)) == "model"
    prose = model_card(settings, RUN, TAGS).partition("## Configuration")[0]
    assert str(base_model.parent) not in prose


@pytest.mark.parametrize(
    ("wikis", "tags"),
    [
        (("eswiki", "jawiki"), ["es", "ja"]),
        (("zh_yuewiki",), ["yue"]),
        (("nowiki",), ["nb"]),
        (("simplewiki",), ["en-simple"]),
        (("corpus_a", "wiki"), []),
    ],
)
def test_languages_of_the_card_are_tags_of_the_wikis_languages(wikis, tags):
    assert language_tags(wikis) == tags


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"strategy": "left"}, "before it with probability 0.5, between tags"),
        ({"strategy": "replace", "probability": 1.0, "tags": False}, "in its place with probability 1, without tags"),
        ({"predict_names": False}, "between tags; the loss does not count the names"),
    ],
)
def test_the_card_says_how_names_came_into_the_text(run_settings, tmp_path, changes, text):
    settings = settings_of(run_settings, tmp_path, insertion=changes)
    assert describe_insertion(settings.insertion, "en").endswith(text)


def test_the_card_names_what_a_reader_needs(run_settings, tmp_path):
    settings = settings_of(run_settings, tmp_path)
    card = ModelCard(model_card(settings, RUN, TAGS))
    assert card.data.language == ["es", "ja"]
    for part in (
        "arXiv 2402.11485",
        "| names inserted | 617 |",
        "| tokens | 6,144 |",
        "| data | `dddddddddddddddddddddddddddddddd` |",
        "| stream hash after step 12 | `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` |",
        "`<translate>` and `</translate>`",
        "63 and 64",
        "| torch | 2.10.0 |",
        "CC BY-SA 4.0",
        'AutoModelForCausalLM.from_pretrained("path/to/this/folder"',
    ):
        assert part in card.text, part
    configuration = card.text.partition("```yaml\n")[2].partition("```")[0]
    assert TrainSettings(**yaml.safe_load(configuration)) == settings


def test_a_card_of_a_run_without_tags_does_not_speak_of_them(run_settings, tmp_path):
    settings = settings_of(run_settings, tmp_path, insertion={"tags": False})
    assert "translate>" not in model_card(settings, RUN, ())


def test_a_card_of_a_run_without_names_calls_it_a_baseline(run_settings, tmp_path):
    settings = settings_of(run_settings, tmp_path, insertion={"strategy": "none"})
    card = model_card(settings, RUN | {"links_inserted": 0}, ())
    assert "as they are, without any names: a baseline" in card
    assert "translate>" not in card
    assert "probability" not in card.partition("## Configuration")[0]


def test_a_card_of_a_run_whose_steps_were_all_left_out_says_so(run_settings, tmp_path):
    card = model_card(settings_of(run_settings, tmp_path), RUN | {"first_loss": None, "last_loss": None}, TAGS)
    assert card.count("| none: the guard left all out |") == 2
