"""Where a tokenizer comes from, and its exact fast form.

A SentencePiece BPE model becomes a `tokenizer.json` whose ids equal SentencePiece's: the pieces are the vocabulary, and a
merge's rank is the order of the piece that it makes. (Loading `tokenizer.model` through a model class of transformers 5 gives
other ids on some strings, because it replaces the normalizer.)
"""

import hashlib
import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.contract.table_schemas import IdType, id_type_for, vocabulary_sha256

_SPACE = "▁"
_PACKAGE = "package:"
# What a model's normalisation would show on: spaces, compatibility forms, combining marks, line ends, scripts.
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


@dataclass(frozen=True)
class TokenizerSource:
    """A tokenizer as it travels to tasks, and the folder that later steps load."""

    name: str
    tokenizer_json: str
    tokenizer_config: str

    @property
    def vocab_size(self) -> int:
        """Number of ids, special tokens included: one more than the largest id."""
        return _size(self.load().get_vocab(with_added_tokens=True))

    @property
    def id_type(self) -> IdType:
        """Smallest type that holds the ids."""
        return id_type_for(self.vocab_size)

    def load(self) -> Tokenizer:
        """The tokenizer, set so that it cuts nothing off, adds nothing, and takes `<s>` in an article for four characters.

        Its post-processor goes: all it does without special tokens is to take the spaces out of some tokens' offsets.
        """
        tokenizer = Tokenizer.from_str(self.tokenizer_json)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.post_processor = None
        tokenizer.encode_special_tokens = True
        return tokenizer

    def describe(self) -> dict[str, Any]:
        """What identifies the tokenizer, for file metadata and manifests."""
        vocabulary = self.load().get_vocab(with_added_tokens=True)
        size = _size(vocabulary)
        return {
            "name": self.name,
            "sha256": hashlib.sha256(self.tokenizer_json.encode()).hexdigest(),
            "vocab_size": size,
            "vocabulary_sha256": vocabulary_sha256(vocabulary, size),
            "id_type": id_type_for(size),
        }


def _size(vocabulary: Mapping[str, int]) -> int:
    return max(vocabulary.values(), default=-1) + 1


def load_source(spec: str, name: str) -> TokenizerSource:
    """Read the tokenizer that `spec` names (see `EncodeSettings.tokenizer`). Raises `ConfigurationError` with the remedy."""
    path = _package_path(spec) if spec.startswith(_PACKAGE) else Path(spec)
    if path.is_dir():
        path = path / "tokenizer.json"
    if path.is_file():
        if path.suffix != ".json":
            return _from_sentencepiece(path, name)
        config = path.with_name("tokenizer_config.json")
        own = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
        return TokenizerSource(name, _read_json(path), _config(own))
    if path.suffix in {".json", ".model"} or spec.startswith((".", "/", _PACKAGE)):
        raise ConfigurationError(
            f"encode.tokenizer: {spec!r}: there is no file {path}; give a tokenizer.json, a folder with one, or a .model file"
        )
    return _from_hub(spec, name)


def _from_hub(spec: str, name: str) -> TokenizerSource:
    from huggingface_hub import hf_hub_download

    try:
        tokenizer = Path(hf_hub_download(spec, "tokenizer.json"))
        config = Path(hf_hub_download(spec, "tokenizer_config.json"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"encode.tokenizer: {spec!r} is no file or folder here, and the Hugging Face hub did not give it ({error})"
        ) from error
    own = json.loads(config.read_text(encoding="utf-8"))
    return TokenizerSource(name, _read_json(tokenizer), _config(own))


def _read_json(path: Path) -> str:
    """A tokenizer.json as the library writes it. Raises `ConfigurationError` if it is none, or draws its merges at random."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises no narrower one
        raise ConfigurationError(
            f"encode.tokenizer: {path} is no tokenizer.json that the tokenizers library reads ({error}); "
            "AutoTokenizer.from_pretrained(MODEL).save_pretrained(FOLDER) writes one"
        ) from error
    if getattr(tokenizer.model, "dropout", None):
        raise ConfigurationError(
            f"encode.tokenizer: {path} drops merges at random (model.dropout is {tokenizer.model.dropout}), so no two builds "
            "would give the same tokens; set it to null"
        )
    text: str = tokenizer.to_str()
    return text


def _package_path(spec: str) -> Path:
    package, _, inner = spec.removeprefix(_PACKAGE).partition("/")
    try:
        return Path(str(importlib.resources.files(package).joinpath(inner)))
    except ModuleNotFoundError as error:
        remedy = f"install it (pip install {package.replace('_', '-')})"
        raise ConfigurationError(f"encode.tokenizer: {spec!r}: the package {package!r} is not installed; {remedy}") from error


def _config(own: dict[str, Any]) -> str:
    """`tokenizer_config.json` for `AutoTokenizer`: the generic fast class, which leaves `tokenizer.json` as it is."""
    kept = {key: own[key] for key in ("bos_token", "eos_token", "unk_token", "pad_token") if own.get(key) is not None}
    config = {**kept, "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    return json.dumps(config, ensure_ascii=False, indent=1, sort_keys=True)


def _from_sentencepiece(path: Path, name: str) -> TokenizerSource:
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    size = processor.get_piece_size()
    pieces = [processor.id_to_piece(index) for index in range(size)]
    normal = [i for i in range(size) if not (processor.is_control(i) or processor.is_unknown(i) or processor.is_byte(i))]
    if any(not processor.get_score(i).is_integer() for i in normal):
        raise ConfigurationError(
            f"{path} is no BPE model of SentencePiece (its scores are no ranks): give a tokenizer.json instead"
        )
    ranked = sorted(normal, key=lambda i: (-processor.get_score(i), i))
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(
        models.BPE(
            vocab=vocabulary,
            merges=bpe_merges([pieces[i] for i in ranked]),
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
    source = TokenizerSource(name, tokenizer.to_str(), _config(special))
    fast = source.load()
    for probe in _PROBES:
        if fast.encode(probe, add_special_tokens=False).ids != processor.encode(probe):
            raise ConfigurationError(
                f"{path}: this SentencePiece model normalises text in a way that has no exact fast form here "
                f"(seen on {probe!r}): give its tokenizer.json instead"
            )
    return source


def _special_ids(processor: Any) -> dict[str, int]:
    ids = {"unk_token": processor.unk_id(), "bos_token": processor.bos_id(), "eos_token": processor.eos_id()}
    return {key: index for key, index in ids.items() if index >= 0}


def bpe_merges(pieces: list[str]) -> list[tuple[str, str]]:
    """The merge list of a SentencePiece BPE model from its pieces in the order of their ranks.

    SentencePiece merges whatever pair of neighbours gives the best ranked piece, so every way to split a piece into two
    pieces is a merge with the piece's rank. Among splits of one piece the order follows the ranks of the halves; it never
    matters, since only one of them can meet a given pair.

    >>> bpe_merges(["ab", "abc", "a", "b", "c", "bc"])
    [('a', 'b'), ('ab', 'c'), ('a', 'bc'), ('b', 'c')]
    """
    rank = {piece: index for index, piece in enumerate(pieces)}
    merges: list[tuple[str, str]] = []
    for piece in pieces:
        splits = [(piece[:cut], piece[cut:]) for cut in range(1, len(piece))]
        known = [split for split in splits if split[0] in rank and split[1] in rank]
        merges.extend(sorted(known, key=lambda split: (rank[split[0]], rank[split[1]])))
    return merges
