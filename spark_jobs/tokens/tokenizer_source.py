"""`TokenizerSource`: a tokenizer as JSON, as it is sent to Spark tasks and published beside the tokens."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from spark_jobs.contract.table_schemas import IdType, id_type_for
from spark_jobs.contract.vocabulary_hash import vocabulary_sha256


@dataclass(frozen=True)
class TokenizerSource:
    """A tokenizer as the content of its two files, which can be sent to tasks and written to a folder."""

    name: str
    tokenizer_json: str
    tokenizer_config: str

    @property
    def vocab_size(self) -> int:
        """Number of ids, special tokens included: the largest id plus one."""
        return _vocabulary_size(self.load().get_vocab(with_added_tokens=True))

    @property
    def id_type(self) -> IdType:
        """Smallest integer type that holds the ids."""
        return id_type_for(self.vocab_size)

    def load(self) -> Tokenizer:
        """Load the tokenizer without truncation, padding and added tokens; `<s>` in an article is plain text.

        Its post-processor is removed: without special tokens it only takes the spaces out of the offsets of some tokens.
        """
        tokenizer = Tokenizer.from_str(self.tokenizer_json)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.post_processor = None
        tokenizer.encode_special_tokens = True
        return tokenizer

    def describe(self) -> dict[str, Any]:
        """Identification of the tokenizer for file metadata and manifests."""
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
    """`tokenizer_config.json` for `AutoTokenizer`: the generic fast class, which does not change `tokenizer.json`."""
    kept = {key: own[key] for key in ("bos_token", "eos_token", "unk_token", "pad_token") if own.get(key) is not None}
    config = {**kept, "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    return json.dumps(config, ensure_ascii=False, indent=1, sort_keys=True)
