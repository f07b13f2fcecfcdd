"""Checks of files that the user names: a missing path, and a short form of pydantic's errors."""

from pathlib import Path

from pydantic import ValidationError

from spark_jobs.common.errors import ConfigurationError


def require_path(path: Path, key: str, remedy: str) -> Path:
    """`path`; raises `ConfigurationError` with the configuration key and the remedy if it does not exist."""
    if not path.exists():
        raise ConfigurationError(f"{key}: {path} does not exist (current folder: {Path.cwd()}); {remedy}")
    return path


def summarize_validation_error(error: ValidationError) -> str:
    """The first three problems of a file in one line, each with its field."""
    return ", ".join(f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}" for problem in error.errors()[:3])
