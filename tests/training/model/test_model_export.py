"""The directory of an exported model: how plain transformers loads it, and its files."""

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


def test_another_architecture_with_a_tied_output_is_loaded_unchanged(tokenizer, tmp_path):
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


def test_a_model_that_prefers_tags_never_writes_them_in_another_process(tokenizer, tmp_path):
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
    assert free == [64] * 20, "the tags do not come without the setting: the case is void"
    assert suppressed == [62] * 20


# --- the folder ----------------------------------------------------------------------------------------------------------


def test_the_model_in_training_is_not_changed(tokenizer, tmp_path):
    model = tiny_llama()
    model.config.use_cache = False
    before = values(model), model.config.to_dict(), model.generation_config.to_dict()
    export_model(model, tokenizer, tmp_path / "model", TAGS, main=True)
    assert (values(model), model.config.to_dict(), model.generation_config.to_dict()) == before
    saved = json.loads((tmp_path / "model" / "config.json").read_text())
    assert (saved["use_cache"], saved["architectures"], saved["dtype"]) == (True, ["LlamaForCausalLM"], "float32")


def test_an_export_replaces_the_leftovers_of_a_killed_run(tokenizer, tmp_path):
    for name in ("model", "model.partial", "model.replaced"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").write_text("old")
    export_model(tiny_llama(), tokenizer, tmp_path / "model", TAGS, main=True)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert not (tmp_path / "model" / "old").exists()


def test_weights_have_the_permissions_of_the_configuration(tokenizer, tmp_path):
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
def test_tags_are_added_to_the_suppressed_tokens_of_the_base_model(tokenizer, tmp_path, before, suppress, after):
    model = tiny_llama()
    model.generation_config.suppress_tokens = before
    export_model(model, tokenizer, tmp_path / "model", suppress, main=True)
    assert GenerationConfig.from_pretrained(tmp_path / "model").suppress_tokens == after


def test_a_base_model_with_contradicting_generation_settings_is_exported(tokenizer, tmp_path):
    model = tiny_llama()
    model.generation_config = GenerationConfig(do_sample=False, temperature=0.9, bos_token_id=1, eos_token_id=2)
    export_model(model, tokenizer, tmp_path / "model", TAGS, main=True)
    loaded = GenerationConfig.from_pretrained(tmp_path / "model")
    assert (loaded.temperature, loaded.suppress_tokens) == (0.9, list(TAGS))


# --- two ranks under ZeRO-3 ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def zero3(repository, rank_environment, run_settings, base_model, tmp_path_factory):
    """Folder of two exports from engines of ZeRO-3 on two ranks, `plain` and `adapters`, and their settings."""
    folder = tmp_path_factory.mktemp("zero3")
    models = {"plain": {}, "adapters": {"lora": {"rank": 4}}}
    settings = {
        name: run_settings(folder / f"{name}_run", 3, model={"path": str(base_model), "precision": "bf16", **lora})
        for name, lora in models.items()
    }
    for name, content in settings.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    environment = os.environ | rank_environment | {"PYTHONPATH": str(repository)}
    torchrun = [str(Path(sys.executable).with_name("torchrun")), "--standalone", "--nproc-per-node", "2"]
    script = Path(__file__).with_name("exported_engines.py")
    command = [*torchrun, str(script), str(folder / "exported"), *(str(folder / f"{name}.json") for name in settings)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return folder / "exported", {name: TrainSettings(**content) for name, content in settings.items()}


def import_exported_engines():
    """exported_engines.py as a module."""
    spec = importlib.util.spec_from_file_location("exported_engines", Path(__file__).with_name("exported_engines.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "adapters"])
def test_a_model_partitioned_by_zero_3_is_exported_as_by_one_process(zero3, tmp_path, name):
    from training.engine.deepspeed_engine import build_model

    folder, settings = zero3
    tokenizer = AutoTokenizer.from_pretrained(settings[name].model.path)
    tags, rows = add_tags(tokenizer)
    model = build_model(settings[name], rows, "bf16", Ranks(0, 0, 1, None))
    tools = import_exported_engines()
    tools.set_known_weights(model)
    export_model(model, tokenizer, tmp_path / name, tags, main=True, shard_bytes=tools.SHARD_BYTES)
    expected = {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
    assert len([file for file in expected if file.endswith(".safetensors")]) > 1
    assert {path.name: path.read_bytes() for path in (folder / name).iterdir()} == expected
    base = AutoModelForCausalLM.from_pretrained(settings[name].model.path, dtype=torch.bfloat16)
    add_rows(base, rows)
    loaded = AutoModelForCausalLM.from_pretrained(folder / name)
    assert list(loaded.state_dict()) == list(base.state_dict())
    layer = "model.layers.0.self_attn.q_proj.weight"
    assert not torch.equal(loaded.state_dict()[layer], base.state_dict()[layer]), "no weight was trained: the case is void"
