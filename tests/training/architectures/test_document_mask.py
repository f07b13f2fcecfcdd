"""No token sees another document: shown on small real models, by changing the tokens that it must not see.

Only FlashAttention's kernel is not real, since it needs a GPU: its replacement computes the same for each stretch of tokens that
it receives, and all code that decides which stretches it receives (the model, transformers' functions) is real.
"""

import dataclasses
import doctest
import itertools
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, modeling_flash_attention_utils

from spark_jobs.common.errors import ConfigurationError
from training.architectures import document_mask as module
from training.architectures.document_mask import check_document_masking, document_mask, document_masking_arguments
from training.config import DataSettings, TrainSettings
from training.data.encoded_corpus import open_corpus
from training.loop.optimizer_step import summed_loss
from training.loop.trainer import train
from training.model.translation_tags import add_rows, add_tags
from training.stream.name_insertion import IGNORED
from training.stream.stream_rules import StreamRules, make_stream_rules
from training.stream.token_stream import Stream

from ..run_metrics import losses

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


WINDOW = 5
SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 64,
    "ffn_dim": 64,  # OPT's name for it
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
}
# A window in every layer (Mistral), and in every second one. OPT and GPT-OSS make their masks without looking at positions.
MIXED = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"] * 2}
SLIDING = {
    "mistral": {"sliding_window": WINDOW},
    "gemma2": MIXED,
    "gemma3_text": MIXED,
    "gpt_oss": MIXED | {"num_local_experts": 2, "num_experts_per_tok": 1},
}

SDPA = ("llama", "opt", "mistral", "gemma3_text")
"""Architectures with SDPA in transformers."""


def untrained(architecture, attention):
    """A small model of an architecture, its weights large enough that the visible tokens matter."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(architecture, **SIZES, **SLIDING.get(architecture, {}))
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2)
    return model


@pytest.fixture(
    scope="module",
    params=[(name, how) for name in ("llama", "opt", *SLIDING) for how in ("eager", "sdpa") if how == "eager" or name in SDPA],
    ids="-".join,
)
def model(request, base_model):
    name, attention = request.param
    if name == "llama":
        return AutoModelForCausalLM.from_pretrained(base_model, attn_implementation=attention).eval()
    return untrained(name, attention)


def logits(model, input_ids, positions):
    ids, positions = torch.from_numpy(input_ids), torch.from_numpy(positions)
    with torch.no_grad():
        return model(input_ids=ids, use_cache=False, **document_masking_arguments(positions, model)).logits


def documents_of(positions):
    """[length] the number of each token's document in its sequence."""
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


def test_without_the_mask_other_documents_change_the_logits(model, batch):
    row = next(row for row, positions in enumerate(batch.positions) if documents_of(positions)[-1] > 1)
    own = documents_of(batch.positions[row])
    changed = batch.input_ids.copy()
    changed[row, own == 1] = (changed[row, own == 1] + 17) % 60
    ids = [torch.from_numpy(values[row : row + 1]) for values in (batch.input_ids, changed)]
    with torch.no_grad():
        plain = [model(input_ids=values, use_cache=False).logits[0, own > 1] for values in ids]
    assert not torch.equal(*plain)


def test_a_document_in_a_sequence_has_the_logits_that_it_has_alone(model, batch):
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
        together = summed_loss(model, ids, targets, **document_masking_arguments(positions, model))
        alone = 0.0
        for row in range(2):
            own = documents_of(batch.positions[row])
            for document in np.unique(own):
                of = torch.from_numpy(own == document)
                alone += float(summed_loss(model, ids[row, of][None], targets[row, of][None]))
    assert float(together) == pytest.approx(alone, rel=1e-5)
    first = batch.positions == 0
    assert (batch.labels[first] == IGNORED).all()


def test_the_worked_example_holds():
    assert doctest.testmod(module).failed == 0


def test_a_window_counts_the_query():
    mask = document_mask(torch.tensor([[0, 1, 2, 3, 0, 1]]), torch.float32, window=2)
    sees = [[query, [key for key in range(6) if mask[0, 0, query, key] == 0]] for query in range(6)]
    assert sees == [[0, [0]], [1, [0, 1]], [2, [1, 2]], [3, [2, 3]], [4, [4]], [5, [4, 5]]]


@pytest.mark.parametrize("name", SLIDING)
def test_a_token_outside_the_window_is_not_seen_even_in_its_own_document(name):
    model = untrained(name, "eager")
    model.config.layer_types = None if name == "mistral" else ["sliding_attention"] * len(model.model.layers)
    model.model.layers = model.model.layers[:1]
    model.config.num_hidden_layers = 1  # a second one would see the output of the first
    ids, positions = np.arange(1, 17)[None], np.array([[*range(9), *range(7)]])
    before, changed = logits(model, ids, positions), ids.copy()
    changed[0, 2] = 60
    differs = (logits(model, changed, positions)[0] != before[0]).any(dim=1).tolist()
    assert np.flatnonzero(differs).tolist() == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("name", "attention"),
    [("mistral", "eager"), ("mistral", "sdpa"), ("gemma2", "eager"), ("gemma3_text", "eager"), ("gemma3_text", "sdpa")],
)
def test_masks_are_those_of_transformers_where_it_finds_documents_in_positions(name, attention, batch):
    model = untrained(name, attention)
    ids, positions = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.positions)
    with torch.no_grad():
        theirs = model(input_ids=ids, position_ids=positions, use_cache=False).logits
    torch.testing.assert_close(logits(model, batch.input_ids, batch.positions), theirs, atol=1e-5, rtol=1e-5)


def test_a_window_as_long_as_the_sequence_shares_the_full_mask():
    model = untrained("gemma2", "eager")
    short, long = (document_masking_arguments(torch.arange(n)[None], model)["attention_mask"] for n in (WINDOW, WINDOW + 1))
    assert torch.is_tensor(short)
    assert set(long) == {"full_attention", "sliding_attention"}


@pytest.fixture
def kernel_calls(monkeypatch):
    """The arguments of calls of FlashAttention's kernels, in order; see the top of this file."""
    calls = []

    def attend(q, k, v, softmax_scale, window):
        """[tokens, heads, size] of one stretch, causally."""
        k, v = (part.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for part in (k, v))
        place = torch.arange(len(q))
        back = place[:, None] - place
        near = (back >= 0) & (back <= (len(q) if window is None or window[0] < 0 else window[0]))
        q, k, v = (part.transpose(0, 1) for part in (q, k, v))
        return F.scaled_dot_product_attention(q, k, v, attn_mask=near, scale=softmax_scale).transpose(0, 1)

    def of_lengths(
        q, k, v, cu_seqlens_q, cu_seqlens_k, max_seqlen_q, max_seqlen_k, causal=False, softmax_scale=None, window_size=None
    ):
        calls.append(SimpleNamespace(**locals()))
        bounds = cu_seqlens_q.tolist()
        stretches = [slice(*bound) for bound in itertools.pairwise(bounds)]
        return torch.cat([attend(q[own], k[own], v[own], softmax_scale, window_size) for own in stretches])

    def of_whole_sequences(q, k, v, causal=False, softmax_scale=None, window_size=None):
        calls.append("whole sequences")
        return torch.stack([attend(*parts, softmax_scale, window_size) for parts in zip(q, k, v, strict=True)])

    monkeypatch.setattr(modeling_flash_attention_utils, "_loaded_implementation", None)
    monkeypatch.setattr(
        modeling_flash_attention_utils, "_lazy_imports", lambda *_, **__: (of_whole_sequences, of_lengths, None, None, None)
    )
    yield calls
    modeling_flash_attention_utils._loaded_implementation = None  # the next test imports the real ones again


@pytest.mark.parametrize(
    ("positions", "bounds", "longest"),
    [
        ([[0, 1, 2, 0, 1, 2, 3, 0]], [0, 3, 7, 8], 4),
        ([[0, 1, 2, 0, 1, 2, 3, 0], [0, 1, 2, 0, 1, 2, 3, 4]], [0, 3, 7, 8, 11, 16], 5),
        ([[0, 1, 2, 3], [0, 1, 2, 3]], [0, 4, 8], 4),  # two documents, each as long as its sequence
    ],
)
@pytest.mark.parametrize("name", ["llama", "mistral"])
def test_flash_attention_receives_every_document_of_every_sequence(kernel_calls, name, positions, bounds, longest):
    positions = np.array(positions)
    ids = np.arange(1, 1 + positions.size).reshape(positions.shape)
    expected = logits(untrained(name, "eager"), ids, positions)
    model = untrained(name, "eager")
    model.config._attn_implementation = "flash_attention_2"  # as if it had been loaded where the package is
    found = logits(model, ids, positions)
    assert len(kernel_calls) == SIZES["num_hidden_layers"]
    for call in kernel_calls:
        for lengths in (call.cu_seqlens_q, call.cu_seqlens_k):
            assert lengths.dtype == torch.int32
            assert lengths.tolist() == bounds
        assert (call.max_seqlen_q, call.max_seqlen_k, call.causal) == (longest, longest, True)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_by_positions_alone_flash_attention_would_take_several_sequences_for_one_document_each(kernel_calls):
    """The reason for passing lengths. Fails once transformers finds the documents of several sequences."""
    model = untrained("llama", "eager")
    model.config._attn_implementation = "flash_attention_2"
    positions = torch.tensor([[0, 1, 2, 0, 1, 2, 3, 0]] * 2)
    with torch.no_grad():
        model(input_ids=positions + 1, position_ids=positions, use_cache=False)
    assert kernel_calls == ["whole sequences"] * SIZES["num_hidden_layers"]


@pytest.mark.parametrize(
    ("architecture", "attention", "message"),
    [
        (
            "mamba",
            "auto",
            "mamba has layers of linear_attention, which a mask cannot keep in a document; use stream.mask_",
        ),
        ("llama4_text", "sdpa", "layers of chunked_attention"),
        (
            "falcon",
            "flash_attention_2",
            "falcon does not pass the lengths of documents to FlashAttention; use model.attention",
        ),
    ],
)
def test_models_that_cannot_keep_tokens_in_their_document_are_refused(tmp_path, architecture, attention, message):
    AutoConfig.for_model(architecture).save_pretrained(tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        check_document_masking(str(tmp_path), attention)


def test_a_run_with_chunked_attention_is_refused_before_it_begins(run_settings, base_model, tmp_path):
    shutil.copytree(base_model, tmp_path / "model")
    file = tmp_path / "model" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"layer_types": ["full_attention", "chunked_attention"]}))
    settings = run_settings(tmp_path / "run", stream={"sequence_length": 64, "mask_documents": True})
    settings["model"] |= {"path": str(tmp_path / "model")}
    with pytest.raises(ConfigurationError, match=r"stream\.mask_documents: true, but llama has layers of chunked_attention"):
        train(TrainSettings(**settings))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("architecture", ["llama", "mistral", "gemma3_text", "falcon", "qwen2", "gpt2"])
def test_models_with_full_or_sliding_attention_are_accepted(tmp_path, architecture):
    AutoConfig.for_model(architecture).save_pretrained(tmp_path)
    check_document_masking(str(tmp_path), "sdpa")


def test_without_document_masking_there_are_no_positions(corpus):
    plain = dataclasses.replace(RULES, mask_documents=False)
    assert Stream(open_corpus(DataSettings(**corpus.data)), plain).batch(0).positions is None


def test_a_run_with_document_masks_trains_on_the_masked_loss(finish, run_settings, base_model, tmp_path):
    options = {"sequence_length": 64, "mask_documents": True, "workers": 2}
    masked = finish(run_settings(tmp_path / "run", steps=3, stream=options), ranks=None)
    settings = TrainSettings(**masked.settings)
    tokenizer = AutoTokenizer.from_pretrained(base_model)
    tags, rows = add_tags(tokenizer)
    own = Stream(open_corpus(settings.data), make_stream_rules(settings, tokenizer, tags))
    model, batch = AutoModelForCausalLM.from_pretrained(base_model), own.batch(0)
    add_rows(model, rows)
    positions, ids, labels = (torch.from_numpy(values) for values in (batch.positions, batch.input_ids, batch.labels))
    expected = model(input_ids=ids, labels=labels, **document_masking_arguments(positions, model)).loss
    assert losses(masked)[0] == pytest.approx(expected.item(), abs=1e-5)
    assert masked.summary["stream_fingerprint"] == own.fingerprint
