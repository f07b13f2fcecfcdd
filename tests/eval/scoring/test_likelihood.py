"""A context that is computed once gives the scores of whole texts, for models with different caches."""

import itertools

import pytest
import torch

from eval.scoring.likelihood import Candidate, batch_candidates, score_candidates

SIZES = {"vocab_size": 97, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
WINDOW = 8
"""Shorter than most contexts below: both ways must ignore tokens outside the window."""


def model_of(kind):
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {"num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 128, "initializer_range": 0.3, **SIZES}
    special = {
        "llama": sizes,
        "qwen3": sizes,
        "mistral": sizes | {"sliding_window": WINDOW},
        "gemma3_text": sizes | {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]},
        "gpt2": {"vocab_size": 97, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128, "initializer_range": 0.3},
        "bloom": {"vocab_size": 97, "hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.3},
    }[kind]
    torch.manual_seed(3)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **special, bos_token_id=1, eos_token_id=2)).eval()


def candidates():
    """Contexts of one token up to more than the window, some shared, with continuations of none to five tokens."""
    generator = torch.Generator().manual_seed(1)
    contexts = [tuple(torch.randint(3, 97, (length,), generator=generator).tolist()) for length in (1, 2, 7, 8, 9, 20, 31)]
    pairs = itertools.product([*contexts, contexts[3]], (0, 1, 2, 5))
    return [
        Candidate(index, context, tuple(torch.randint(3, 97, (length,), generator=generator).tolist()))
        for index, (context, length) in enumerate(pairs)
    ]


def score_whole_text(model, candidate):
    """Log-likelihood from one pass over the whole text."""
    text = torch.tensor([[*candidate.context, *candidate.continuation]])
    with torch.no_grad():
        logprobs = model(text).logits[0].double().log_softmax(-1)
    start = len(candidate.context)
    found = [float(logprobs[place - 1, text[0, place]]) for place in range(start, text.shape[1])]
    greedy = all(int(logprobs[place - 1].argmax()) == int(text[0, place]) for place in range(start, text.shape[1]))
    return sum(found), greedy


@pytest.mark.parametrize("size", [1, 5, 64])
@pytest.mark.parametrize("kind", ["llama", "qwen3", "mistral", "gemma3_text", "gpt2", "bloom"])
def test_every_architecture_gives_the_scores_of_a_whole_pass(kind, size):
    model, asked, found = model_of(kind), candidates(), {}
    for batch in batch_candidates(asked, size):
        found |= score_candidates(model, batch)
    assert sorted(found) == list(range(len(asked)))
    for candidate in asked:
        loglikelihood, greedy = score_whole_text(model, candidate)
        assert found[candidate.index].loglikelihood == pytest.approx(loglikelihood, rel=2e-4, abs=2e-4), candidate
        assert found[candidate.index].is_greedy == greedy


def test_a_greedy_continuation_is_called_greedy():
    model = model_of("llama")
    with torch.no_grad():
        token = int(model(torch.tensor([[1, 5, 9]])).logits[0, -1].argmax())
    assert score_candidates(model, [Candidate(0, (1, 5, 9), (token,))])[0].is_greedy


def test_a_batch_that_the_device_has_no_memory_for_is_halved(monkeypatch):
    import eval.scoring.likelihood

    score_batch, sizes = eval.scoring.likelihood._score_batch, []

    def fails_above_two(model, batch):
        sizes.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError
        return score_batch(model, batch)

    monkeypatch.setattr(eval.scoring.likelihood, "_score_batch", fails_above_two)
    asked = candidates()[4:12]
    assert sorted(score_candidates(model_of("llama"), asked)) == [candidate.index for candidate in asked]
    assert sizes == [8, 4, 2, 2, 4, 2, 2]


def test_a_single_text_that_does_not_fit_is_an_error(monkeypatch):
    def always_fails(model, batch):
        raise torch.OutOfMemoryError

    monkeypatch.setattr("eval.scoring.likelihood._score_batch", always_fails)
    with pytest.raises(torch.OutOfMemoryError):
        score_candidates(None, candidates()[:2])
