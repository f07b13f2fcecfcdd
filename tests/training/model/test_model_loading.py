"""Rows for the tags, and what is refused."""

import importlib.util

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from spark_jobs.common.errors import ConfigurationError
from training.config import ModelSettings
from training.model.model_checks import check_attention, check_context
from training.model.model_loading import load_model, load_tokenizer
from training.model.translation_tags import add_rows, add_tags
from training.tiny import TinyModelSettings, make


def tiny_llama(rows: int, tied: bool) -> LlamaForCausalLM:
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=rows, tie_word_embeddings=tied, **sizes))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(("rows", "rows_after"), [(63, 65), (64, 65), (80, 80)], ids=["exact", "padded by one", "padded"])
def test_tags_get_the_mean_of_the_known_rows_by_id_and_nothing_else_changes(corpus, tied, rows, rows_after):
    tokenizer = AutoTokenizer.from_pretrained(corpus.tokenizer)
    model = tiny_llama(rows, tied)
    before = [w.detach().clone() for w in (model.get_input_embeddings().weight, model.get_output_embeddings().weight)]
    tags, needed = add_tags(tokenizer)
    assert tags == (63, 64)
    add_rows(model, needed)
    after = [model.get_input_embeddings().weight, model.get_output_embeddings().weight]
    assert (after[0] is after[1]) == tied
    assert model.config.vocab_size == rows_after
    for old, new in zip(before, after, strict=True):
        assert new.shape == (rows_after, 8)
        assert torch.equal(new[:63], old[:63])
        for tag in tags:
            assert torch.equal(new[tag], old[:63].mean(dim=0))
        assert torch.equal(new[65:], old[65:])
    assert not torch.equal(after[0][63], before[1][:63].mean(dim=0)) or tied, "input and output means differ, or the case is void"


def test_a_model_that_has_the_tags_keeps_their_rows(corpus):
    tokenizer = AutoTokenizer.from_pretrained(corpus.tokenizer)
    model = tiny_llama(63, tied=False)
    tags, rows = add_tags(tokenizer)
    add_rows(model, rows)
    with torch.no_grad():
        model.get_input_embeddings().weight[tags[0]] = 7.0
    again, rows = add_tags(tokenizer)
    add_rows(model, rows)
    assert again == tags
    assert rows.added == ()
    assert (model.get_input_embeddings().weight[tags[0]] == 7.0).all()


def test_tags_are_one_token_each_and_are_skipped_when_text_is_shown(corpus):
    tokenizer = AutoTokenizer.from_pretrained(corpus.tokenizer)
    add_tags(tokenizer)
    ids = tokenizer("w1 <translate> w2 </translate>", add_special_tokens=False).input_ids
    assert ids == [4, 63, 5, 64]
    assert tokenizer.decode(ids, skip_special_tokens=True).split() == ["w1", "w2"]


def test_a_path_without_a_model_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(ConfigurationError, match=r"no tokenizer could be loaded from .*training\.tiny"):
        load_tokenizer(str(tmp_path / "nothing"))
    with pytest.raises(ConfigurationError, match=r"nothing' is no folder .* and the hub gives no such model"):
        load_model(ModelSettings(path=str(tmp_path / "nothing")), torch.float32)


def test_a_sequence_beyond_the_models_positions_is_refused_before_its_weights_are_read(tmp_path):
    LlamaConfig(max_position_embeddings=128).save_pretrained(tmp_path)  # there are no weights
    check_context(str(tmp_path), 128)
    with pytest.raises(ConfigurationError, match=r"stream\.sequence_length: 129 exceeds the 128 positions .* use at most 128"):
        check_context(str(tmp_path), 129)
    with pytest.raises(ConfigurationError, match=r"model\.path: .*nothing' has no configuration that transformers knows"):
        check_context(str(tmp_path / "nothing"), 128)


def test_flash_attention_is_refused_where_its_package_is_missing():
    if importlib.util.find_spec("flash_attn") is not None:
        pytest.skip("flash-attn is installed")
    with pytest.raises(
        ConfigurationError, match=r"model\.attention: .* needs the package flash-attn.* use model\.attention=sdpa"
    ):
        check_attention("flash_attention_2", "bf16", "cuda")


@pytest.mark.parametrize(("precision", "device"), [("fp32", "cuda"), ("bf16", "cpu")])
def test_flash_attention_is_refused_off_gpus_and_in_fp32(monkeypatch, tmp_path, precision, device):
    (tmp_path / "flash_attn").mkdir()  # a package of that name is found
    (tmp_path / "flash_attn" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigurationError, match=rf"runs in bf16 on GPUs, and this run is {precision} on {device}; use"):
        check_attention("flash_attention_2", precision, device)
    check_attention("flash_attention_2", "bf16", "cuda")


@pytest.mark.parametrize("attention", ["auto", "eager", "sdpa"])
def test_other_attentions_run_everywhere(attention):
    check_attention(attention, "fp32", "cpu")


def test_weights_that_are_not_safetensors_are_refused(corpus, tmp_path):
    model = tiny_llama(63, tied=False)
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ConfigurationError, match=r"model\.safetensors does not exist; weights are read from safetensors only"):
        load_model(ModelSettings(path=str(tmp_path)), torch.float32)


def test_the_tiny_model_is_the_same_for_the_same_seed(corpus, tmp_path):
    sizes = {"hidden_size": 16, "num_layers": 1, "num_heads": 2, "intermediate_size": 16}
    weights = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        make(TinyModelSettings(tokenizer=corpus.tokenizer, output_dir=tmp_path / name, seed=seed, **sizes))
        weights.append((tmp_path / name / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]


def test_the_tiny_model_is_not_written_over_another(corpus, tmp_path):
    settings = TinyModelSettings(tokenizer=corpus.tokenizer, output_dir=tmp_path / "a", num_layers=1)
    make(settings)
    with pytest.raises(ConfigurationError, match="holds a model already"):
        make(settings)


def test_a_tiny_model_needs_a_tokenizer(tmp_path):
    with pytest.raises(ConfigurationError, match=r"holds no tokenizer\.json; run spark_jobs/encode\.py"):
        make(TinyModelSettings(tokenizer=tmp_path, output_dir=tmp_path / "a"))
