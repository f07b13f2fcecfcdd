"""Which model was it? A hash of what determines its scores, and a refusal of what is no model directory."""

import hashlib
from pathlib import Path

from spark_jobs.common.errors import ConfigurationError

_PATTERNS = (
    "config.json",
    "generation_config.json",  # which tokens end an answer
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
"""Architecture, weights and tokenizer; not the optimiser, logs or cards that may lie beside them."""

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
"""What transformers reads: one file, or the list of many."""


def check_model(folder: Path) -> None:
    """Refuse a folder that does not hold a model in safetensors together with its tokenizer."""
    if not folder.is_dir():
        raise ConfigurationError(
            f"model: there is no folder {folder} (current folder: {Path.cwd()}); train one first, or give the directory "
            "of a downloaded model"
        )
    if not (folder / "config.json").is_file():
        raise ConfigurationError(f"model: {folder} holds no config.json; it is not a directory that save_pretrained wrote")
    if (folder / "adapter_config.json").is_file():
        raise ConfigurationError(
            f"model: {folder} holds an adapter (adapter_config.json), whose base model lies elsewhere; merge the two with "
            "merge_and_unload() and save_pretrained(), and give that folder"
        )
    if not any((folder / name).is_file() for name in _WEIGHTS):
        raise ConfigurationError(
            f"model: {folder} holds no {' or '.join(_WEIGHTS)}; other formats may run code when they are read: "
            "load the weights where you trust them, and write them with save_pretrained()"
        )
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise ConfigurationError(f"model: {folder} holds no tokenizer (tokenizer.json); save the tokenizer beside the weights")


def model_fingerprint(folder: Path, with_code: bool = False) -> str:
    """sha256 over the names and contents of configuration, weights and tokenizer: equal means equal scores.

    `with_code` adds the directory's own Python, where that is run.
    """
    digest = hashlib.sha256()
    patterns = (*_PATTERNS, "*.py") if with_code else _PATTERNS
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        with path.open("rb") as file:
            digest.update(f"{path.name}\t{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
