"""A SentencePiece BPE model as a `tokenizer.json` with the same ids.

The pieces are the vocabulary, and the rank of a merge is the rank of the piece that it makes. (Loading `tokenizer.model` through
a model class of transformers 5 gives other ids for some strings, because it replaces the normalizer.)
"""

from pathlib import Path
from typing import Protocol

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.tokens.tokenizer_source import TokenizerSource, build_tokenizer_config

_SPACE = "▁"
# Texts that reveal a normalisation: spaces, compatibility forms, combining marks, line ends, scripts.
_PROBES = (
    "",
    "a",
    " a",
    "a  b ",
    "Ａ  b",
    "ﬁ ½ ①",
    "e\u0301 é",
    "a\n\nb\tc",
    "日本語 テスト",
    "Ελλάδα",
    "العربية",
    "हिन्दी",
    "x\u200by",
    "👩‍👧",
)


class _SpecialIds(Protocol):
    """The methods of `SentencePieceProcessor` that return an id, or a negative number if the model has no such token."""

    def unk_id(self) -> int: ...
    def bos_id(self) -> int: ...
    def eos_id(self) -> int: ...


def convert_sentencepiece(path: Path, name: str) -> TokenizerSource:
    """Convert a `.model` file; checks the ids of some texts against SentencePiece. Raises `ConfigurationError` if they differ."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    size = processor.get_piece_size()
    pieces = [processor.id_to_piece(index) for index in range(size)]
    normal = [i for i in range(size) if not (processor.is_control(i) or processor.is_unknown(i) or processor.is_byte(i))]
    if any(not processor.get_score(i).is_integer() for i in normal):
        raise ConfigurationError(
            f"{path} is not a BPE model of SentencePiece (its scores are not ranks): give a tokenizer.json instead"
        )
    ranked = sorted(normal, key=lambda i: (-processor.get_score(i), i))
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(
        models.BPE(
            vocab=vocabulary,
            merges=derive_bpe_merges([pieces[i] for i in ranked]),
            unk_token=pieces[processor.unk_id()],
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(_SPACE), normalizers.Replace(" ", _SPACE)])
    steps = [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(steps)
    special = {key: processor.id_to_piece(i) for key, i in _special_ids(processor).items()}
    tokenizer.add_special_tokens([AddedToken(piece, normalized=False, special=True) for piece in special.values()])
    source = TokenizerSource(name, tokenizer.to_str(), build_tokenizer_config(special))
    fast = source.load()
    for probe in _PROBES:
        if fast.encode(probe, add_special_tokens=False).ids != processor.encode(probe):
            raise ConfigurationError(
                f"{path}: the normalisation of this SentencePiece model cannot be converted exactly "
                f"(it differs on {probe!r}): give its tokenizer.json instead"
            )
    return source


def _special_ids(processor: _SpecialIds) -> dict[str, int]:
    """Ids of the special tokens that the model has, by the key of `tokenizer_config.json`."""
    ids = {"unk_token": processor.unk_id(), "bos_token": processor.bos_id(), "eos_token": processor.eos_id()}
    return {key: index for key, index in ids.items() if index >= 0}


def derive_bpe_merges(pieces: list[str]) -> list[tuple[str, str]]:
    """The merges of a SentencePiece BPE model, derived from its pieces in the order of their ranks.

    SentencePiece merges the pair of neighbours that gives the best ranked piece, so each split of a piece into two pieces is a
    merge with the rank of the piece. Splits of one piece are ordered by the ranks of their halves; this order does not matter,
    since a given pair matches only one of them.

    >>> derive_bpe_merges(["ab", "abc", "a", "b", "c", "bc"])
    [('a', 'b'), ('ab', 'c'), ('a', 'bc'), ('b', 'c')]
    """
    rank = {piece: index for index, piece in enumerate(pieces)}
    merges: list[tuple[str, str]] = []
    for piece in pieces:
        splits = [(piece[:cut], piece[cut:]) for cut in range(1, len(piece))]
        known = [split for split in splits if split[0] in rank and split[1] in rank]
        merges.extend(sorted(known, key=lambda split: (rank[split[0]], rank[split[1]])))
    return merges
