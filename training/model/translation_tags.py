"""The tags around inserted names, <translate> and </translate>: their tokens in the tokenizer, their rows in the model.

Rows of added tokens are addressed by their ids, never as "the last rows": embeddings may be padded beyond the tokenizer, and then
the last rows belong to other tokens.
"""

from typing import TYPE_CHECKING, NamedTuple

from training.model.protocols import CausalLanguageModel, Tokenizer
from training.model.zero3_parameters import gathered, whole_shape

if TYPE_CHECKING:
    import torch

OPENING_TAG, CLOSING_TAG = "<translate>", "</translate>"


class AddedRows(NamedTuple):
    """The rows that a model needs for the tags."""

    added: tuple[int, ...]
    """Ids that the tokenizer did not have before; their rows are initialised."""
    known: int
    """Number of tokens that the tokenizer had; the mean is computed over their rows."""


def add_tags(tokenizer: Tokenizer) -> tuple[tuple[int, int], AddedRows]:
    """Add both tags to the tokenizer as special tokens, unless it has them.

    Returns:
        ((id of the opening tag, id of the closing tag), the rows that the model needs for them).
    """
    from transformers import AddedToken

    known = len(tokenizer)
    vocabulary = tokenizer.get_vocab()
    tags = (OPENING_TAG, CLOSING_TAG)
    tokenizer.add_tokens([AddedToken(tag, special=True, normalized=False) for tag in tags], special_tokens=True)
    opening, closing = tokenizer.convert_tokens_to_ids(list(tags))
    added = tuple(token_id for tag, token_id in zip(tags, (opening, closing), strict=True) if tag not in vocabulary)
    return (opening, closing), AddedRows(added, known)


def add_rows(model: CausalLanguageModel, rows: AddedRows) -> None:
    """Give the model rows for added tokens, input and output, each the mean of the rows of the tokens known before.

    Embeddings that are already large enough (padded) keep their size. Safe under ZeRO-3 and for tied embeddings.
    """
    if not rows.added:
        return
    import torch

    needed = max(rows.added) + 1
    if whole_shape(model.get_input_embeddings().weight)[0] < needed:
        model.resize_token_embeddings(needed, mean_resizing=False)
    matrices = {id(weight): weight for weight in _vocabulary_weights(model)}  # a tied matrix once
    for weight in matrices.values():
        with gathered([weight], modify=True), torch.no_grad():
            if weight.numel():  # under ZeRO-3 the modifying rank holds the values, and all ranks receive them
                mean = weight[: rows.known].float().mean(dim=0)
                for row in rows.added:
                    weight[row] = mean.to(weight.dtype)


def _vocabulary_weights(model: CausalLanguageModel) -> "list[torch.nn.Parameter]":
    """Input embedding, output matrix and output bias, as far as the model has them."""
    output = model.get_output_embeddings()
    found = [model.get_input_embeddings().weight, getattr(output, "weight", None), getattr(output, "bias", None)]
    return [weight for weight in found if weight is not None]
