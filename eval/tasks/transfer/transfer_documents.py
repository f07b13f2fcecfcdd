"""Facts of a made-up world as lm-eval documents, from the files that `benchmarks/transfer` writes."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.tasks.data_files import find_file, read_json_lines

if TYPE_CHECKING:
    import datasets


def load_documents(
    *, kind: str, language: str, folder: str, files: Mapping[str, Mapping[str, Any]], data_dir: str | None = None, **_unused: Any
) -> "dict[str, datasets.Dataset]":
    """The items of one kind of question in one language (split `test`)."""
    import datasets

    if data_dir is None:
        raise ValueError("data_dir is not set: python -m benchmarks.transfer.run writes the items; set data_dir to their folder")
    path = find_file(Path(data_dir), folder, files["test"]["local"].format(kind=kind, language=language))
    return {"test": datasets.Dataset.from_list(read_json_lines(path))}
