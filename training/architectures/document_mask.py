"""Attention that stays inside a document, for causal language models of transformers with only full or sliding attention."""

from typing import TYPE_CHECKING, TypedDict

from spark_jobs.common.errors import ConfigurationError
from training.model.protocols import CausalLanguageModel, ModelConfig

if TYPE_CHECKING:
    import torch

_FULL, _SLIDING = "full_attention", "sliding_attention"
"""transformers' names of the two kinds of layers."""
_WITHOUT_LENGTHS = ("falcon", "gpt_neo")
"""Architectures that call FlashAttention directly and drop the documents' lengths on the way (transformers 5.24)."""


def document_mask(positions: "torch.Tensor", dtype: "torch.dtype", window: int | None = None) -> "torch.Tensor":
    """[sequences, 1, length, length] the term added to attention scores: 0 where the query may look, the least value elsewhere.

    A token may look at itself and at earlier tokens of its document: at all of them, or with `window` at that many tokens, itself
    included. `positions` [sequences, length] begin at 0 in each document, so a 0 marks the first token of a document.
    """
    import torch

    document = (positions == 0).cumsum(dim=1)
    place = torch.arange(positions.shape[1], device=positions.device)
    back = place[:, None] - place
    near = back >= 0 if window is None else (back >= 0) & (back < window)
    sees = (document[:, :, None] == document[:, None, :]) & near
    mask = torch.zeros(sees.shape, dtype=dtype, device=positions.device)
    return mask.masked_fill_(~sees, torch.finfo(dtype).min)[:, None]


def document_masking_arguments(positions: "torch.Tensor", model: CausalLanguageModel) -> dict[str, object]:
    """Arguments of `model(...)` that keep each token in its document; `positions` [sequences, length] as in `document_mask`.

    Eager and SDPA attention use masks as they are, without adding the window of a layer that has one (Mistral's, every second one
    of Gemma 2), so the window is in the mask. Where a model's layers differ, transformers takes a mask for each kind.

    FlashAttention has no masks: it gets the beginnings of documents in the sequences laid end to end. transformers finds them in
    the positions of a single sequence, but of several sequences it takes each for one document, without a warning; so lengths are
    passed.

    Raises:
        ConfigurationError: for a model that cannot be kept so; see `check_document_masking`.
    """
    config, length = model.config.get_text_config(), positions.shape[1]
    attention = getattr(model.config, "_attn_implementation", None)
    windows = _windows(config, attention)
    if attention == "flash_attention_2":
        return {"position_ids": positions, **document_lengths(positions)}
    dtype = next(model.parameters()).dtype
    effective = {kind: window if window and window < length else None for kind, window in windows.items()}
    by_window = {window: document_mask(positions, dtype, window) for window in set(effective.values())}
    masks = {kind: by_window[window] for kind, window in effective.items()}
    return {"position_ids": positions, "attention_mask": masks if len(by_window) > 1 else next(iter(masks.values()))}


class DocumentLengths(TypedDict):
    """transformers' arguments for FlashAttention."""

    cu_seq_lens_q: "torch.Tensor"
    """[documents + 1] int32, their beginnings, and the number of all tokens."""
    cu_seq_lens_k: "torch.Tensor"
    """The same."""
    max_length_q: int
    """Tokens of the longest document."""
    max_length_k: int
    """The same."""


def document_lengths(positions: "torch.Tensor") -> DocumentLengths:
    """The beginnings of documents in sequences laid end to end; `positions` [sequences, length] as in `document_mask`.

    >>> import torch
    >>> document_lengths(torch.tensor([[0, 1, 2, 0], [0, 1, 0, 1]]))["cu_seq_lens_q"].tolist()
    [0, 3, 4, 6, 8]
    """
    import torch

    begins = positions == 0
    begins[:, 0] = True  # a document never continues from one sequence into the next
    bounds = torch.nn.functional.pad(begins.flatten().nonzero()[:, 0], (0, 1), value=positions.numel())
    longest = int(bounds.diff().max())
    bounds = bounds.to(torch.int32)
    return {"cu_seq_lens_q": bounds, "cu_seq_lens_k": bounds, "max_length_q": longest, "max_length_k": longest}


def check_document_masking(path: str, attention: str) -> None:
    """Refuse a model whose tokens cannot be kept in their documents; reads its configuration, not its weights.

    Raises:
        ConfigurationError: for layers without attention, or with attention that a mask cannot limit (state spaces carry a state
            from token to token; chunks are cut by transformers), and for FlashAttention in an architecture that does not pass
            lengths.
    """
    from transformers import AutoConfig

    _windows(AutoConfig.from_pretrained(path, trust_remote_code=False).get_text_config(), attention)


def _windows(config: ModelConfig, attention: str | None) -> dict[str, int | None]:
    """Kind of layer -> its window in tokens, None without one; raises as `check_document_masking` does."""
    window = getattr(config, "sliding_window", None) or None
    kinds = set(getattr(config, "layer_types", None) or (_FULL if window is None else _SLIDING,))
    if other := sorted(kinds - {_FULL, _SLIDING}):
        raise ConfigurationError(
            f"stream.mask_documents: true, but {config.model_type} has layers of {', '.join(other)}, which a mask cannot keep "
            "in a document; use stream.mask_documents=false, or a model with full or sliding attention in all layers"
        )
    if attention == "flash_attention_2" and config.model_type in _WITHOUT_LENGTHS:
        raise ConfigurationError(
            f"stream.mask_documents: true, but transformers' {config.model_type} does not pass the lengths of documents to "
            "FlashAttention; use model.attention=auto, which computes the same, or stream.mask_documents=false"
        )
    return {kind: window if kind == _SLIDING else None for kind in sorted(kinds)}
