"""The tags in the tokenizer, and their rows in the model."""

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from training.model.translation_tags import add_rows, add_tags


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
