"""A trained model as a Hugging Face directory that plain transformers loads: any ZeRO stage, with or without adapters.

    folder/
      model.safetensors              or model-00001-of-0000N.safetensors and an index, each file of bounded size
      config.json, generation_config.json, tokenizer files
      README.md                      the model card, where there is one

Weights are gathered tensor by tensor, and a file is written as soon as it is full: the main rank holds one file in memory, the
other ranks one tensor. Exception: architectures whose weights transformers stores under other names or in other pieces
than it computes with (fused experts). The reverse conversion needs all of them, so the main rank holds the whole model then.

The folder appears under its name only when all of it is on disk.
"""

import copy
import json
import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import torch

from training.model.adapters import PlainWeight, plain_weights
from training.model.base_checkpoint import BaseCheckpoint
from training.model.protocols import CausalLanguageModel, Tokenizer
from training.model.weight_files import INDEX
from training.model.zero3_parameters import gathered

Values = Callable[[Collection[str]], dict[str, torch.Tensor]]
"""Names -> tensors on the CPU; every rank calls it, and only the main rank gets them."""

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}
"""Types of tensors by their names in safetensors files."""

SHARD_BYTES = 5 * 10**9
"""Size limit of a file of weights; only a single larger tensor exceeds it."""

CARD = "README.md"


def export_model(
    model: CausalLanguageModel,
    tokenizer: Tokenizer,
    folder: Path,
    suppress: Sequence[int],
    main: bool,
    card: str | None = None,
    shard_bytes: int = SHARD_BYTES,
    base: BaseCheckpoint | None = None,
) -> None:
    """Write `model` and `tokenizer` to `folder`, replacing an existing one.

    Every rank calls it, since ZeRO-3 gathers; `main` alone holds weights on the CPU and writes. The model is not changed.

    Args:
        model: the trained model; adapters of `training.model.adapters` are merged into the weights that are written.
        tokenizer: with the tags, if they were added.
        folder: the directory to create.
        suppress: ids of tokens that `generate` must never choose: those of the tags.
        main: whether this rank writes.
        card: text of the model card.
        shard_bytes: size limit of a file of weights.
        base: the checkpoint whose other parts are kept: they are copied from its files, and tensors have its names.
    """
    partial = folder.with_name(folder.name + ".partial")
    if main:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    _write_weights(model, partial, main, shard_bytes, base)
    if not main:
        return
    config = copy.deepcopy(model.config)
    config.use_cache, config.dtype, config.architectures = True, str(model.dtype).removeprefix("torch."), [type(model).__name__]
    (config if base is None else base.whole_config(config)).save_pretrained(partial)
    generation = copy.deepcopy(model.generation_config)
    generation.suppress_tokens = sorted({*(generation.suppress_tokens or ()), *suppress}) or None
    # Not by save_pretrained, which refuses settings of published models, such as a temperature beside greedy search: a run must
    # not fail on that at its end.
    generation.to_json_file(partial / "generation_config.json")
    tokenizer.save_pretrained(partial)
    for file in [] if base is None else base.processor_files:
        if not (partial / file.name).exists():
            shutil.copyfile(file, partial / file.name)
    if card is not None:
        (partial / CARD).write_text(card, encoding="utf-8")
    _publish(partial, folder)


def _write_weights(model: CausalLanguageModel, folder: Path, main: bool, shard_bytes: int, base: BaseCheckpoint | None) -> None:
    from transformers.core_model_loading import revert_weight_conversion

    weights = _deduplicate(model, plain_weights(model))
    shapes = {name: torch.empty(weight.shape, dtype=weight.dtype, device="meta") for name, weight in weights.items()}
    converted = None
    if revert_weight_conversion(model, shapes) is not shapes:  # it returns its argument where nothing is converted
        whole = _values(weights, weights, main)
        if not main:  # it has gathered with the others, and has nothing to write
            return
        shapes = converted = revert_weight_conversion(model, whole)

    def values(names: Collection[str]) -> dict[str, torch.Tensor]:
        if converted is None:
            return _values(weights, names, main)
        return {name: converted[name].contiguous() for name in names}

    if base is None:
        _write_files(shapes, values, folder, main, shard_bytes)
    else:
        _write_files(*_with_other_parts(shapes, values, base, main), folder, main, shard_bytes)


def _with_other_parts(
    shapes: Mapping[str, torch.Tensor], values: Values, base: BaseCheckpoint, main: bool
) -> tuple[dict[str, torch.Tensor], Values]:
    """The tensors of a text model under the names of its checkpoint, and those of the other parts from the checkpoint's files."""
    from safetensors import safe_open

    own = {base.tensors.in_checkpoint(name): name for name in shapes}
    place = {}
    other = {}
    for file in base.files:
        with safe_open(file, framework="pt") as tensors:
            for name in set(tensors.keys()) & set(base.other):
                place[name] = file
                other[name] = torch.empty(base.shapes[name], dtype=_DTYPES[tensors.get_slice(name).get_dtype()], device="meta")

    def read(names: Collection[str]) -> dict[str, torch.Tensor]:
        found = values([own[name] for name in names if name in own])
        result = {base.tensors.in_checkpoint(name): value for name, value in found.items()}
        for name in names if main else ():
            if name in place:
                with safe_open(place[name], framework="pt") as tensors:
                    result[name] = tensors.get_tensor(name)
        return result

    return {name: shapes[text] for name, text in own.items()} | {name: other[name] for name in sorted(other)}, read


def _deduplicate(model: CausalLanguageModel, weights: Mapping[str, PlainWeight]) -> dict[str, PlainWeight]:
    """Tied weights once, under the name that transformers ties the others to; without those that the model does not save."""
    tied = getattr(model, "all_tied_weights_keys", None) or {}
    ignored = getattr(model, "_keys_to_ignore_on_save", None) or ()
    kept: dict[int, str] = {}
    for name, weight in weights.items():
        before = kept.setdefault(id(weight.place), name)
        if before in tied and name not in tied:
            kept[id(weight.place)] = name
    return {name: weights[name] for name in weights if kept[id(weights[name].place)] == name and name not in ignored}


def _values(weights: Mapping[str, PlainWeight], names: Collection[str], main: bool) -> dict[str, torch.Tensor]:
    """The named weights on the CPU, gathered one after the other; empty where the rank is not `main`."""
    found = {}
    for name in names:
        with gathered(weights[name].parts), torch.no_grad():
            if main:
                found[name] = weights[name].value()
    return found


def _write_files(
    shapes: Mapping[str, torch.Tensor],
    values: Values,
    folder: Path,
    main: bool,
    shard_bytes: int,
) -> None:
    """Safetensors files of at most `shard_bytes` and, where there are several, their index. `values` is called for each file."""
    from huggingface_hub import split_torch_state_dict_into_shards
    from safetensors.torch import save_file

    split = split_torch_state_dict_into_shards(
        dict(shapes), filename_pattern="model{suffix}.safetensors", max_shard_size=shard_bytes
    )
    for file, names in split.filename_to_tensors.items():
        content = values(names)
        if main:
            save_file(content, folder / file, metadata={"format": "pt"})
        del content  # before the next tensors are gathered
    if main and split.is_sharded:
        index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
        (folder / INDEX).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _publish(partial: Path, folder: Path) -> None:
    """Write every file through to the disk, then give the folder its name; a folder that had the name is removed last."""
    for path in partial.iterdir():
        shutil.copymode(partial / "config.json", path)  # safetensors creates files that only their owner can read
        with path.open("rb") as file:
            os.fsync(file.fileno())
    replaced = folder.with_name(folder.name + ".replaced")
    shutil.rmtree(replaced, ignore_errors=True)
    if folder.exists():
        folder.rename(replaced)
    partial.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)
