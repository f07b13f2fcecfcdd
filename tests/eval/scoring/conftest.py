"""Model directories and a data set of the hub for the tests of scoring."""

import json
import shutil

import pytest
import yaml


@pytest.fixture
def pickled_model(tiny_model, tmp_path):
    """Weights as a pickle that torch could read, beside the safetensors of an adapter."""
    import torch
    from safetensors.torch import load_file

    model = shutil.copytree(tiny_model, tmp_path / "model")
    torch.save(load_file(model / "model.safetensors"), model / "pytorch_model.bin")
    (model / "model.safetensors").rename(model / "adapter_model.safetensors")
    return model


@pytest.fixture
def hub(xcsr, tmp_path, monkeypatch):
    """The hub's data set as a folder of that name with the published number of items: `datasets` looks there first."""
    folder = tmp_path / "INK-USC" / "xcsr"
    configs = []
    for code in ("jap", "en"):
        name = f"X-CODAH-{code}/validation.jsonl"
        rows = [json.loads(line) for line in (xcsr / "X-CODAH" / code / "dev.jsonl").open()]
        rows = [rows[number % len(rows)] | {"id": f"item{number}"} for number in range(300)]
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        configs.append({"config_name": f"X-CODAH-{code}", "data_files": [{"split": "validation", "path": name}]})
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': configs})}---\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    return folder


@pytest.fixture
def model_with_code(tiny_model, tmp_path):
    """A model directory whose Python creates the file `mark` when it runs."""
    folder = shutil.copytree(tiny_model, tmp_path / "coded")
    mark = tmp_path / "was_run"
    (folder / "modeling_own.py").write_text(
        f"from pathlib import Path\nfrom transformers import LlamaForCausalLM\nPath({str(mark)!r}).touch()\n\n\n"
        "class OwnForCausalLM(LlamaForCausalLM):\n    pass\n"
    )
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_own.OwnForCausalLM"}
    (folder / "config.json").write_text(json.dumps(config))
    return folder, mark
