"""No token sees another document: shown on a real small Llama, by changing what it must not see."""

import dataclasses

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from training.config import DataSettings
from training.corpus import open_corpus
from training.document_mask import document_mask, only_own_document
from training.insertion import IGNORED
from training.loop import summed_loss
from training.plan import StreamRules
from training.stream import Stream

RULES = StreamRules(
    seed=2,
    sequence_length=64,
    global_batch_size=8,
    slots=8,
    shuffle_window=2,
    strategy="right",
    probability=0.5,
    tags=(61, 62),
    bos=1,
    eos=None,
    predict_names=True,
    mask_documents=True,
)


@pytest.fixture(scope="module")
def batch(corpus):
    return Stream(open_corpus(DataSettings(**corpus.data)), RULES).batch(0)


@pytest.fixture(scope="module", params=["eager", "sdpa"])
def model(request, base_model):
    return AutoModelForCausalLM.from_pretrained(base_model, attn_implementation=request.param).eval()


def logits(model, input_ids, positions):
    ids, positions = torch.from_numpy(input_ids), torch.from_numpy(positions)
    with torch.no_grad():
        return model(input_ids=ids, use_cache=False, **only_own_document(positions, model)).logits


def documents_of(positions):
    """[length] which document of its sequence each token is of."""
    return np.cumsum(positions == 0)


def test_the_mask_is_block_diagonal_and_causal():
    mask = document_mask(torch.tensor([[0, 1, 2, 0, 0, 1]]), torch.float32)
    assert mask.shape == (1, 1, 6, 6)
    sees = [[query, [key for key in range(6) if mask[0, 0, query, key] == 0]] for query in range(6)]
    assert sees == [[0, [0]], [1, [0, 1]], [2, [0, 1, 2]], [3, [3]], [4, [4]], [5, [4, 5]]]
    assert set(mask.unique().tolist()) == {0.0, torch.finfo(torch.float32).min}


def test_changing_every_token_of_the_other_documents_changes_no_logit_of_a_document(model, batch):
    before = logits(model, batch.input_ids, batch.positions)
    seen = 0
    for row, positions in enumerate(batch.positions):
        own = documents_of(positions)
        for document in np.unique(own):
            changed = batch.input_ids.copy()
            changed[row, own != document] = (changed[row, own != document] + 17) % 60
            after = logits(model, changed, batch.positions)
            assert torch.equal(after[row, own == document], before[row, own == document])
            seen += (own != document).any()
    assert seen > 10


def test_without_the_mask_they_would_leak(model, batch):
    row = next(row for row, positions in enumerate(batch.positions) if documents_of(positions)[-1] > 1)
    own = documents_of(batch.positions[row])
    changed = batch.input_ids.copy()
    changed[row, own == 1] = (changed[row, own == 1] + 17) % 60
    ids = [torch.from_numpy(values[row : row + 1]) for values in (batch.input_ids, changed)]
    with torch.no_grad():
        plain = [model(input_ids=values, use_cache=False).logits[0, own > 1] for values in ids]
    assert not torch.equal(*plain)


def test_a_document_in_a_sequence_is_what_it_would_be_alone(model, batch):
    together = logits(model, batch.input_ids, batch.positions)
    for row, positions in enumerate(batch.positions[:3]):
        own = documents_of(positions)
        for document in np.unique(own):
            ids = torch.from_numpy(batch.input_ids[row, own == document])[None]
            with torch.no_grad():
                alone = model(input_ids=ids, use_cache=False).logits[0]
            torch.testing.assert_close(together[row, own == document], alone, atol=1e-5, rtol=1e-4)


def test_the_loss_is_the_sum_over_documents_alone(model, batch):
    with torch.no_grad():
        ids, targets, positions = (torch.from_numpy(values[:2]) for values in (batch.input_ids, batch.labels, batch.positions))
        together = summed_loss(model, ids, targets, **only_own_document(positions, model))
        alone = 0.0
        for row in range(2):
            own = documents_of(batch.positions[row])
            for document in np.unique(own):
                of = torch.from_numpy(own == document)
                alone += float(summed_loss(model, ids[row, of][None], targets[row, of][None]))
    assert float(together) == pytest.approx(alone, rel=1e-5)
    first = batch.positions == 0
    assert (batch.labels[first] == IGNORED).all()


def test_flash_attention_gets_positions_alone(base_model):
    model = AutoModelForCausalLM.from_pretrained(base_model)
    model.config._attn_implementation = "flash_attention_2"
    assert set(only_own_document(torch.zeros(1, 4, dtype=torch.int64), model)) == {"position_ids"}


def test_without_document_masking_there_are_no_positions(corpus):
    plain = dataclasses.replace(RULES, mask_documents=False)
    assert Stream(open_corpus(DataSettings(**corpus.data)), plain).batch(0).positions is None
