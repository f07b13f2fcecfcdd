"""The files of the base model by content: checksums, their cache, and runs that resume with the same files or others."""

import doctest
import json
import os
import shutil

import pytest
from safetensors.torch import load_file, save_file

from spark_jobs.common.errors import ConfigurationError
from training.model import base_files
from training.model.base_files import file_sha256, list_differences, read_base_files, require_equal_machines, require_same_files


def flip(path, at=-1):
    """Change a bit, and set the times of the file back."""
    status, data = path.stat(), bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def model(base_model, tmp_path):
    return shutil.copytree(base_model, tmp_path / "base")


def test_the_worked_examples_hold():
    assert doctest.testmod(base_files).failed == 0


def test_weights_configuration_and_tokenizer_are_listed(model):
    found = read_base_files(model, None)
    assert set(found["sha256"]) >= {"model.safetensors", "config.json", "generation_config.json", "tokenizer.json"}
    assert "tiny_model.yaml" not in found["sha256"]
    assert found["revision"] is None


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_changed_file_is_named_although_size_and_time_of_change_are_the_same(model, tmp_path, name):
    before = read_base_files(model, tmp_path / "cache")
    flip(model / name)
    after = read_base_files(model, tmp_path / "cache")
    assert [line.partition(" ")[0] for line in list_differences(before["sha256"], after["sha256"])] == [name]
    message = rf"step 8 began with other files than base has now: {name} \(sha256 .* put the files of that time back"
    with pytest.raises(ConfigurationError, match=message):
        require_same_files(before, after, "base", 8)


def test_files_that_are_new_or_gone_differ(model):
    before = read_base_files(model, None)
    (model / "generation_config.json").unlink()
    (model / "chat_template.jinja").write_text("x")
    message = r"chat_template.jinja \(sha256 missing there, .* here\); generation_config.json \(sha256 .* there, missing here\)"
    with pytest.raises(ConfigurationError, match=message):
        require_same_files(before, read_base_files(model, None), "base", 8)


def test_a_folder_that_was_moved_or_copied_has_the_same_files(model, tmp_path):
    before = read_base_files(model, tmp_path / "cache")
    copy = shutil.copytree(model, tmp_path / "elsewhere")
    require_same_files(before, read_base_files(copy, tmp_path / "cache"), str(copy), 8)


def test_the_revision_of_a_model_from_the_hub_is_known_and_named_in_the_remedy(model, tmp_path):
    folders = [shutil.copytree(model, tmp_path / "models--a--b" / "snapshots" / (digit * 40)) for digit in "ab"]
    flip(folders[1] / "model.safetensors")
    first, second = (read_base_files(folder, None) for folder in folders)
    assert (first["revision"], second["revision"]) == ("a" * 40, "b" * 40)
    with pytest.raises(ConfigurationError, match=rf"set model.path to a folder with revision {'a' * 40} \(hf download a/b"):
        require_same_files(first, second, "a/b", 8)
    require_same_files(first, first | {"revision": "c" * 40}, "a/b", 8)  # another commit with the same files


def test_an_unchanged_file_is_hashed_once(model, tmp_path, monkeypatch):
    file, hashed = model / "model.safetensors", []
    digest = base_files.hashlib.file_digest
    monkeypatch.setattr(base_files.hashlib, "file_digest", lambda opened, name: hashed.append(1) or digest(opened, name))
    sums = {file_sha256(file, tmp_path / "cache") for _ in range(3)}
    assert (len(sums), len(hashed)) == (1, 1)
    os.utime(file)
    assert {file_sha256(file, tmp_path / "cache")} == sums
    assert len(hashed) == 2


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"sha256": 1}', "flip"])
def test_a_damaged_entry_of_the_cache_is_not_trusted(model, tmp_path, damage):
    expected = file_sha256(model / "config.json", tmp_path / "cache")
    (entry,) = (tmp_path / "cache" / "checksums").iterdir()
    if damage == "flip":
        content = json.loads(entry.read_text())
        entry.write_text(json.dumps(content | {"sha256": content["sha256"][::-1]}))
    else:
        entry.write_text(damage)
    assert file_sha256(model / "config.json", tmp_path / "cache") == expected


def test_machines_with_different_files_are_refused(model):
    files = read_base_files(model, None)
    flip(model / "config.json")
    with pytest.raises(ConfigurationError, match=r"machine 0 and machine 2 have different files at base: config.json"):
        require_equal_machines([files, files, read_base_files(model, None)], "base")
    assert require_equal_machines([files, files], "base") == files


# --- runs -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def unfinished(finished_run, tmp_path):
    """A copy of a run that was ended after its checkpoint of step 8 of 12, as the settings to resume it."""
    done = finished_run(1)
    folder = shutil.copytree(done.folder, tmp_path / "run")
    (folder / "run.json").unlink()
    shutil.rmtree(folder / "model")
    return done, done.settings | {"output_dir": str(folder), "resume": True}


def test_a_run_is_not_resumed_on_other_weights_under_the_same_path_nor_on_the_same_under_another(
    unfinished, launch, finish, base_model, tmp_path
):
    done, settings = unfinished
    moved = shutil.copytree(base_model, tmp_path / "moved")
    settings |= {"model": settings["model"] | {"path": str(moved)}}
    tensors = load_file(moved / "model.safetensors")
    tensors["model.norm.weight"][0] += 1e-3
    save_file(tensors, moved / "model.safetensors", metadata={"format": "pt"})
    refused = launch(settings, launcher="torchrun")
    assert refused.returncode != 0
    assert f"step 8 began with other files than {moved} has now: model.safetensors (sha256" in refused.stderr + refused.stdout

    shutil.copyfile(base_model / "model.safetensors", moved / "model.safetensors")
    again = finish(settings)
    assert "step 8: resumed" in again.stdout
    assert [line["loss"] for line in again.metrics] == [line["loss"] for line in done.metrics]
