"""Which model was it? A hash of what determines its scores, and a refusal of what is no model directory."""

import hashlib
from pathlib import Path

from spark_jobs.settings import ConfigurationError

_PATTERNS = (
    "config.json",
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


def check_model(folder: Path) -> None:
    """Refuse a folder that does not hold a model in safetensors together with its tokenizer."""
    if not folder.is_dir():
        raise ConfigurationError(
            f"model: there is no folder {folder} (current folder: {Path.cwd()}); train one first, or give the directory "
            "of a downloaded model"
        )
    if not (folder / "config.json").is_file():
        raise ConfigurationError(f"model: {folder} holds no config.json; it is not a directory that save_pretrained wrote")
    if not any(folder.glob("*.safetensors")):
        raise ConfigurationError(
            f"model: {folder} holds no *.safetensors; other formats may run code when they are read: "
            "convert the weights with save_pretrained(..., safe_serialization=True)"
        )
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise ConfigurationError(f"model: {folder} holds no tokenizer (tokenizer.json); save the tokenizer beside the weights")


def model_fingerprint(folder: Path) -> str:
    """sha256 over the names and contents of configuration, weights and tokenizer: equal means equal scores."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in _PATTERNS for path in folder.glob(pattern)}):
        with path.open("rb") as file:
            digest.update(f"{path.name}\t{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
