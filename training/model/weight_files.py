"""Reading weights from safetensors, tensor by tensor: no rank holds more than its share of the model and one tensor.

`from_pretrained` merges all shards of a checkpoint on rank 0 before ZeRO-3 partitions them. Here the model is created empty, each
rank with its share, and the tensors of the files are copied into it one after the other. Files are memory-mapped, so the kernel
can drop pages that have been read. No code of a checkpoint runs, and no pickle is opened.

This works where a file's names are the model's own, which `can_load_weights` decides from the names and shapes alone. Checkpoints
that transformers renames or reshapes while loading (fused experts, old formats) are left to `from_pretrained`.
"""

import contextlib
import ctypes
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch

from spark_jobs.common.errors import ConfigurationError, first_line
from training.model.protocols import CausalLanguageModel
from training.model.zero3_parameters import gathered, is_partitioned, whole_shape

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
_FETCHED = ("*.safetensors", "*.json", "*.model", "*.txt", "*.jinja")


def fetch_model_folder(path: str) -> Path:
    """The local folder of a model: `path` itself, or a download of that id from the hub (weights as safetensors only).

    Raises:
        ConfigurationError: when `path` is neither a folder nor an id that the hub gives.
    """
    if Path(path).is_dir():
        return Path(path)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(path, allow_patterns=list(_FETCHED)))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise ConfigurationError(
            f"model.path: {path!r} is not a folder (current folder: {Path.cwd()}), and the hub does not have the model: "
            f"{first_line(error)}"
        ) from error


def list_weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model, in the order of their names.

    Raises:
        ConfigurationError: when there is none, one of the index is missing, or the index names a file outside the folder.
    """
    index = folder / INDEX
    weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"] if index.is_file() else {"": SINGLE}
    names = sorted(set(weight_map.values()))
    for name in names:
        if Path(name).name != name:
            raise ConfigurationError(
                f"model.path: {index} names the file {name!r}, which is not a plain file name; download the model again"
            )
        if not (folder / name).is_file():
            raise ConfigurationError(
                f"model.path: {folder / name} does not exist; weights are read from safetensors only. `save_pretrained` of "
                "transformers writes them, and an incomplete download can be repeated"
            )
    return [folder / name for name in names]


def tensor_shapes(files: Sequence[Path]) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor in the files; reads their headers only."""
    from safetensors import safe_open

    found: dict[str, tuple[int, ...]] = {}
    for file in files:
        with safe_open(file, framework="pt") as tensors:
            found |= {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
    return found


def can_load_weights(model: CausalLanguageModel, found: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether `load_weights` can fill the model from tensors of these names and shapes, tied parameters once.

    Tensors without a place in the model are allowed only where the model expects them, or where they are the
    `rotary_emb.inv_freq` of old LLaMA checkpoints: any other means that the names are those of another version.
    """
    places = model.state_dict(keep_vars=True)
    sizes = {name: whole_shape(place) for name, place in places.items()}
    if any(sizes.get(name, shape) != shape for name, shape in found.items()):
        return False
    filled = {id(places[name]) for name in found if name in places}
    if any(id(tensor) not in filled for tensor in places.values()):
        return False
    expected = [*(getattr(model, "_keys_to_ignore_on_load_unexpected", None) or []), r"rotary_emb\.inv_freq$"]
    return all(name in places or any(re.search(pattern, name) for pattern in expected) for name in found)


def load_weights(
    model: CausalLanguageModel, files: Sequence[Path], main: bool, rename: Callable[[str], str | None] = str
) -> None:
    """Copy every tensor of the files into its place, converted to the place's dtype; `rename` gives the model's name of a tensor.

    All ranks call it. Parameters that ZeRO-3 has partitioned are read by the `main` rank, and each rank keeps its share; all
    others are read by each rank.
    """
    from safetensors import safe_open

    places = model.state_dict(keep_vars=True)
    done: set[int] = set()
    for file in files:
        with safe_open(file, framework="pt") as tensors:
            for stored in sorted(tensors.keys()):
                name = rename(stored)
                if name not in places:
                    continue
                place = places[name]
                if id(place) in done:  # tied: the same parameter under another name
                    continue
                done.add(id(place))
                with gathered([place], modify=True), torch.no_grad():
                    if main or not is_partitioned(place):
                        place.data.copy_(tensors.get_tensor(stored))


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt(3)."""


@contextlib.contextmanager
def freeing_memory_at_once() -> Iterator[None]:
    """Inside the block, memory of a megabyte or more goes back to the system as soon as it is freed.

    Otherwise glibc keeps freed blocks of up to 32 MB for later allocations, and a rank that has read every tensor of a model
    shows several times its share. Afterwards the limits are those that glibc itself ends at, which is faster. Does nothing with
    another C library.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        yield
        return
    mallopt(_M_MMAP_THRESHOLD, 2**20)
    try:
        yield
    finally:
        mallopt(_M_MMAP_THRESHOLD, 2**25)
        mallopt(_M_TRIM_THRESHOLD, 2**26)
