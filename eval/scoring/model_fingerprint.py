"""A hash of the files that determine a model's scores."""

import hashlib
from pathlib import Path

_PATTERNS = (
    "config.json",
    "generation_config.json",  # the tokens that end an answer
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
)
"""Architecture, weights and tokenizer; not the optimizer, logs or cards beside them."""


def model_fingerprint(folder: Path, with_code: bool = False) -> str:
    """sha256 over the names and contents of configuration, weights and tokenizer: equal means equal scores.

    `with_code` adds the Python in the directory, for models that run it.
    """
    digest = hashlib.sha256()
    patterns = (*_PATTERNS, "*.py") if with_code else _PATTERNS
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        with path.open("rb") as file:
            digest.update(f"{path.name}\t{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
