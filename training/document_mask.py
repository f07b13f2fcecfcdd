"""Attention that stays inside a document, for any causal language model of transformers."""

from typing import Any


def document_mask(positions: Any, dtype: Any) -> Any:
    """[sequences, 1, length, length] what is added to attention scores: 0 where the query may look, the least value elsewhere.

    A token may look at itself and at earlier tokens of its document. `positions` [sequences, length] begin at 0 in each document,
    so documents are told apart by where a 0 stands.
    """
    import torch

    document = (positions == 0).cumsum(dim=1)
    length = positions.shape[1]
    earlier = torch.ones(length, length, dtype=torch.bool, device=positions.device).tril()
    sees = (document[:, :, None] == document[:, None, :]) & earlier
    mask = torch.zeros(sees.shape, dtype=dtype, device=positions.device)
    return mask.masked_fill_(~sees, torch.finfo(dtype).min)[:, None]


def only_own_document(positions: Any, model: Any) -> dict[str, Any]:
    """Arguments of `model(...)` that keep each token in its document.

    Eager and SDPA attention take the mask as it is. FlashAttention has no masks: transformers cuts sequences where positions
    begin anew, and calls its kernel for sequences of different lengths.
    """
    if getattr(model.config, "_attn_implementation", None) == "flash_attention_2":
        return {"position_ids": positions}
    dtype = next(model.parameters()).dtype
    return {"position_ids": positions, "attention_mask": document_mask(positions, dtype)}
