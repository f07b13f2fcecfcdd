"""Check of a model directory before anything is loaded."""

from pathlib import Path

from spark_jobs.common.errors import ConfigurationError

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
"""The files that transformers reads: the weights, or the index of several."""
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")


def check_model_directory(folder: Path) -> None:
    """Raise `ConfigurationError` unless the folder holds a model in safetensors and its tokenizer."""
    if not folder.is_dir():
        raise ConfigurationError(
            f"model: there is no folder {folder} (current folder: {Path.cwd()}); train one first, or set the directory "
            "of a downloaded model"
        )
    if not (folder / "config.json").is_file():
        raise ConfigurationError(
            f"model: {folder} holds no config.json, so it was not written by save_pretrained(); set a directory that was"
        )
    if (folder / "adapter_config.json").is_file():
        raise ConfigurationError(
            f"model: {folder} holds an adapter (adapter_config.json) without its base model; merge the two with "
            "merge_and_unload() and save_pretrained(), and set that folder"
        )
    if not any((folder / name).is_file() for name in _WEIGHTS):
        raise ConfigurationError(
            f"model: {folder} holds no {' or '.join(_WEIGHTS)}; other formats may run code when they are read: "
            "load the weights where you trust them, and write them with save_pretrained()"
        )
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise ConfigurationError(f"model: {folder} holds no tokenizer (tokenizer.json); save the tokenizer beside the weights")
