"""Attention that stays inside a document, for causal language models of transformers with full or sliding attention alone."""

from typing import Any

from spark_jobs.common.errors import ConfigurationError

_FULL, _SLIDING = "full_attention", "sliding_attention"
"""transformers' names of the two kinds of layers."""
_WITHOUT_LENGTHS = ("falcon", "gpt_neo")
"""Architectures that call FlashAttention by themselves and drop the documents' lengths on the way (transformers 5.24)."""


def document_mask(positions: Any, dtype: Any, window: int | None = None) -> Any:
    """[sequences, 1, length, length] what is added to attention scores: 0 where the query may look, the least value elsewhere.

    A token may look at itself and at earlier tokens of its document: at all of them, or with `window` at so many tokens, itself
    included. `positions` [sequences, length] begin at 0 in each document, so documents are told apart by where a 0 stands.
    """
    import torch

    document = (positions == 0).cumsum(dim=1)
    place = torch.arange(positions.shape[1], device=positions.device)
    back = place[:, None] - place
    near = back >= 0 if window is None else (back >= 0) & (back < window)
    sees = (document[:, :, None] == document[:, None, :]) & near
    mask = torch.zeros(sees.shape, dtype=dtype, device=positions.device)
    return mask.masked_fill_(~sees, torch.finfo(dtype).min)[:, None]


def only_own_document(positions: Any, model: Any) -> dict[str, Any]:
    """Arguments of `model(...)` that keep each token in its document; `positions` [sequences, length] as in `document_mask`.

    Eager and SDPA attention take masks as they are, whatever they leave out, so the window of a layer that has one (Mistral's,
    every second one of Gemma 2) is in its mask. Where a model's layers differ, transformers takes a mask for each kind.

    FlashAttention has no masks: it is told where documents begin in the sequences laid end to end. transformers would find that
    in the positions of a single sequence, but of several it takes each for one document, without a word; so it gets the lengths.

    Raises:
        ConfigurationError: for a model that cannot be kept so; see `check_documents`.
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


def document_lengths(positions: Any) -> dict[str, Any]:
    """Where documents begin in sequences laid end to end, as transformers' arguments for FlashAttention.

    Returns:
        `cu_seq_lens_q` and `cu_seq_lens_k`, [documents + 1] int32: their beginnings, and the number of all tokens;
        `max_length_q` and `max_length_k`: tokens of the longest.

    >>> import torch
    >>> document_lengths(torch.tensor([[0, 1, 2, 0], [0, 1, 0, 1]]))["cu_seq_lens_q"].tolist()
    [0, 3, 4, 6, 8]
    """
    import torch

    begins = positions == 0
    begins[:, 0] = True  # no document goes from one sequence into the next one
    bounds = torch.nn.functional.pad(begins.flatten().nonzero()[:, 0], (0, 1), value=positions.numel())
    longest = int(bounds.diff().max())
    bounds = bounds.to(torch.int32)
    return {"cu_seq_lens_q": bounds, "cu_seq_lens_k": bounds, "max_length_q": longest, "max_length_k": longest}


def check_documents(path: str, attention: str) -> None:
    """Refuse a model whose tokens cannot be kept in their documents; reads its configuration, not its weights.

    Raises:
        ConfigurationError: for layers that do not attend, or not in a way that a mask can say (state spaces carry a state from
            token to token; chunks are cut by transformers), and for FlashAttention in an architecture that does not pass lengths.
    """
    from transformers import AutoConfig

    _windows(AutoConfig.from_pretrained(path, trust_remote_code=False).get_text_config(), attention)


def _windows(config: Any, attention: str | None) -> dict[str, int | None]:
    """Kind of layer -> its window in tokens, None where it has none; raises as `check_documents` does."""
    window = getattr(config, "sliding_window", None) or None
    kinds = set(getattr(config, "layer_types", None) or (_FULL if window is None else _SLIDING,))
    if other := sorted(kinds - {_FULL, _SLIDING}):
        raise ConfigurationError(
            f"stream.mask_documents: true, but {config.model_type} has layers of {', '.join(other)}, which no mask keeps in a "
            "document; use stream.mask_documents=false, or a model with full or sliding attention in all layers"
        )
    if attention == "flash_attention_2" and config.model_type in _WITHOUT_LENGTHS:
        raise ConfigurationError(
            f"stream.mask_documents: true, but transformers' {config.model_type} does not tell FlashAttention where documents "
            "begin; use model.attention=auto, which computes the same, or stream.mask_documents=false"
        )
    return {kind: window if kind == _SLIDING else None for kind in sorted(kinds)}
