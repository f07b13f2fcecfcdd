"""Insertion of names into tokens: the resulting tokens and labels, and the length of a document with its names.

Which links get their name is decided in `spark_jobs.common.link_sampling`.

Everything here is a pure function of arrays. Documents are *flat*: the tokens of many documents are stored one after the other,
`document_offsets[d] : document_offsets[d + 1]`, and so are their links, `link_offsets[d] : link_offsets[d + 1]`. Spans are
token indices, end-exclusive, sorted, disjoint and not empty, as the `encoded` table promises.

The name of a chosen link, between the tags if there are any, goes

    left     before the token at entity_start
    right    before the token at entity_end
    replace  in place of the tokens entity_start .. entity_end - 1
    none     nowhere

Worked example: "Ein stein lives" (ids 5 6 7), the link covers the first two tokens and its name is 90 91; the tags are 1 and 2.

    >>> ids, yes = np.array([5, 6, 7]), np.array([True])
    >>> links = Links(start=np.array([0]), end=np.array([2]), name_lengths=np.array([2]), name_ids=np.array([90, 91]))
    >>> for strategy in ("left", "right", "replace"):
    ...     tokens, kinds = insert_names(ids, links, yes, strategy, (1, 2))
    ...     print(f"{strategy:8}", tokens.tolist(), kinds.tolist())
    left     [1, 90, 91, 2, 5, 6, 7] [2, 1, 1, 2, 0, 0, 0]
    right    [5, 6, 1, 90, 91, 2, 7] [0, 0, 2, 1, 1, 2, 0]
    replace  [1, 90, 91, 2, 7] [2, 1, 1, 2, 0]
    >>> tokens, kinds = insert_names(ids, links, yes, "right", (1, 2))
    >>> label_tokens(tokens, kinds, predict_names=False).tolist()
    [5, 6, -100, -100, -100, -100, 7]

The length is known without the tokens: 3 + (2 + 2 tags) = 7, and 7 - 2 replaced tokens = 5.

    >>> changes = length_changes(links.end - links.start, links.name_lengths, yes, "replace", tags=2)
    >>> augmented_lengths(np.array([3]), np.array([0, 1]), changes).tolist()
    [5]
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from spark_jobs.common.link_sampling import Strategy
from training.data.prefix_sums import prefix_sums

Ints = npt.NDArray[np.integer]
Bools = npt.NDArray[np.bool_]

TEXT, NAME, TAG = 0, 1, 2
"""Kinds of a token: of the article (BOS and EOS too), of an inserted name, or a tag around one."""

IGNORED = -100
"""The label that the loss skips, as in torch.nn.functional.cross_entropy and transformers."""


class Links(NamedTuple):
    """The links of flat documents."""

    start: Ints
    """[links] first token of each link."""
    end: Ints
    """[links] token after each link."""
    name_lengths: Ints
    """[links] number of tokens of each name."""
    name_ids: Ints
    """[sum(name_lengths)] tokens of the names, one link after the other."""


class DocumentFrame(NamedTuple):
    """BOS and EOS around each document, and where the documents are."""

    bos: int | None
    eos: int | None
    begins: Ints
    """[documents + 1] first token of each document after insertion, BOS, EOS and names included."""
    links: Ints
    """[documents] number of links of each."""

    @property
    def width(self) -> int:
        """Tokens around a document."""
        return (self.bos is not None) + (self.eos is not None)


def length_changes(span_lengths: Ints, name_lengths: Ints, chosen: Bools, strategy: Strategy, tags: int) -> npt.NDArray[np.int64]:
    """[links] tokens that each link adds to its document, negative where a short name replaces a long link.

    Args:
        span_lengths: [links] tokens that each link covers.
        name_lengths: [links] tokens of each name.
        chosen: [links] whether each gets its name.
        strategy: where a name goes.
        tags: number of tags around a name, 0 or 2.
    """
    if strategy == "none":
        return np.zeros(len(chosen), dtype=np.int64)
    added = name_lengths.astype(np.int64) + tags
    changes: npt.NDArray[np.int64] = np.where(chosen, added - span_lengths if strategy == "replace" else added, 0)
    return changes


def augmented_lengths(num_tokens: Ints, link_offsets: Ints, changes: Ints) -> npt.NDArray[np.int64]:
    """[documents] number of tokens after insertion, from narrow columns alone.

    Args:
        num_tokens: [documents] before insertion.
        link_offsets: [documents + 1] first link of each; the first offset need not be 0.
        changes: [links of these documents] the `length_changes` of each.
    """
    before = prefix_sums(changes)[link_offsets - link_offsets[0]]
    lengths: npt.NDArray[np.int64] = num_tokens.astype(np.int64) + np.diff(before)
    return lengths


def insert_names(
    input_ids: Ints,
    links: Links,
    chosen: Bools,
    strategy: Strategy,
    tags: tuple[int, int] | None,
    frame: DocumentFrame | None = None,
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    """Insert the names of the chosen links, and put BOS and EOS around each document.

    Args:
        input_ids: [tokens] of one document, or of many, flat.
        links: their spans, indices into `input_ids`, and names.
        chosen: [links].
        strategy: where a name goes, see above.
        tags: ids of the opening and the closing tag, or None for names without tags.
        frame: BOS and EOS, and where documents begin; None for documents without BOS and EOS.

    Returns:
        (tokens, kinds), both [augmented tokens]; a kind is TEXT, NAME or TAG.
    """
    picked = np.flatnonzero(chosen) if strategy != "none" else np.zeros(0, dtype=np.int64)
    width = 0 if tags is None else 1
    starts, ends, lengths = (column[picked].astype(np.int64) for column in links[:3])
    blocks = lengths + 2 * width
    replaced = ends - starts if strategy == "replace" else np.zeros(len(picked), dtype=np.int64)
    position = ends if strategy == "right" else starts  # strictly increasing, because spans are disjoint and not empty
    first = position + prefix_sums(blocks)[:-1] - prefix_sums(replaced)[:-1]
    size = len(input_ids) + int(blocks.sum() - replaced.sum())
    if frame is not None:
        size += frame.width * len(frame.links)
        # Document d moves right by d frames, and by its own BOS.
        first += frame.width * np.repeat(np.arange(len(frame.links)), frame.links)[picked] + (frame.bos is not None)

    # Blocks and frames take their places; the places that are left hold the text, in order.
    tokens = np.empty(size, dtype=np.uint32)
    kinds = np.zeros(size, dtype=np.uint8)
    is_text = np.ones(size, dtype=bool)
    within = np.arange(int(lengths.sum())) - np.repeat(prefix_sums(lengths)[:-1], lengths)
    name_target = np.repeat(first + width, lengths) + within
    tokens[name_target] = links.name_ids[np.repeat(prefix_sums(links.name_lengths)[:-1][picked], lengths) + within]
    kinds[name_target] = NAME
    is_text[name_target] = False
    if tags is not None:
        for tag, at in ((tags[0], first), (tags[1], first + blocks - 1)):
            tokens[at] = tag
            kinds[at] = TAG
            is_text[at] = False
    if frame is not None:
        for special, places in ((frame.bos, frame.begins[:-1]), (frame.eos, frame.begins[1:] - 1)):
            if special is not None:
                tokens[places] = special
                is_text[places] = False
    if strategy == "replace":
        dropped = np.repeat(starts, replaced) + np.arange(int(replaced.sum())) - np.repeat(prefix_sums(replaced)[:-1], replaced)
        kept = np.ones(len(input_ids), dtype=bool)
        kept[dropped] = False
        tokens[is_text] = input_ids[kept]
    else:
        tokens[is_text] = input_ids
    return tokens, kinds


def label_tokens(tokens: Ints, kinds: npt.NDArray[np.uint8], predict_names: bool) -> npt.NDArray[np.int64]:
    """[tokens] the labels of the loss, not shifted: the tokens, with IGNORED at tags and, unless `predict_names`, at names."""
    targets = tokens.astype(np.int64)
    targets[(kinds == TAG) if predict_names else (kinds != TEXT)] = IGNORED
    return targets
