"""Where a tokenizer comes from, and its exact fast form.

A SentencePiece BPE model becomes a `tokenizer.json` whose ids equal SentencePiece's: the pieces are the vocabulary, and a
merge's rank is the order of the piece that it makes. (Loading `tokenizer.model` through a model class of transformers 5 gives
other ids on some strings, because it replaces the normalizer.)
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from spark_jobs.contract.table_schemas import IdType, id_type_for, vocabulary_sha256


@dataclass(frozen=True)
class TokenizerSource:
    """A tokenizer as it travels to tasks, and the folder that later steps load."""

    name: str
    tokenizer_json: str
    tokenizer_config: str

    @property
    def vocab_size(self) -> int:
        """Number of ids, special tokens included: one more than the largest id."""
        return _vocabulary_size(self.load().get_vocab(with_added_tokens=True))

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
        size = _vocabulary_size(vocabulary)
        return {
            "name": self.name,
            "sha256": hashlib.sha256(self.tokenizer_json.encode()).hexdigest(),
            "vocab_size": size,
            "vocabulary_sha256": vocabulary_sha256(vocabulary, size),
            "id_type": id_type_for(size),
        }


def _vocabulary_size(vocabulary: Mapping[str, int]) -> int:
    return max(vocabulary.values(), default=-1) + 1


def build_tokenizer_config(own: dict[str, Any]) -> str:
    """`tokenizer_config.json` for `AutoTokenizer`: the generic fast class, which leaves `tokenizer.json` as it is."""
    kept = {key: own[key] for key in ("bos_token", "eos_token", "unk_token", "pad_token") if own.get(key) is not None}
    config = {**kept, "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    return json.dumps(config, ensure_ascii=False, indent=1, sort_keys=True)
