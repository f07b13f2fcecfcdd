"""The hashes in the names of folders cover everything that decides their content."""

import ast

from spark_jobs.common.settings import load_settings


def test_a_stage_has_a_new_folder_if_and_only_if_an_input_changes(repository, monkeypatch, load):
    config, folders_module = load("experiment_settings"), load("experiment_folders")
    path = repository / "conf" / "experiment" / "ja.yaml"

    def folders(*changes):
        layout = folders_module.Layout(load_settings(config.ExperimentSettings, path, changes))
        return layout.world.name, layout.folder("base", 1).parent.name, layout.folder("right", 1).parent.name

    world, base, arm = folders()
    assert folders("seeds=[1, 2]", "workers=1", "report=other.md") == (world, base, arm)
    assert folders("arms.right.probability=0.7")[:2] == (world, base)
    assert folders("arms.right.probability=0.7")[2] != arm
    assert folders("adapt.steps=7")[:2] == (world, base)
    assert folders("base.steps=70000")[0] == world
    assert folders("base.steps=70000")[1] != base
    assert folders("base.steps=70000")[2] != arm
    assert len({world, folders("target.mentions=7")[0], folders("world.seed=7")[0]}) == 3
    monkeypatch.setattr(folders_module, "NO_SPIKES", folders_module.GuardSettings())
    assert folders()[0] == world
    assert base not in folders()
    assert arm not in folders()


def test_the_hash_of_the_world_covers_the_code_that_makes_it(repository, load):
    """The listed modules are those that the stage and they themselves import, except for folders, settings and jobs."""
    folder = repository / "benchmarks" / "transfer"
    listed = set(load("experiment_folders").WORLD_MODULES)
    imported = set()
    for name in ("world_stage", *listed):
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "benchmarks.transfer":
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("benchmarks.transfer."):
                imported.add(node.module.removeprefix("benchmarks.transfer."))
    assert imported - {"experiment_folders", "experiment_settings", "parallel_jobs"} == listed


def test_the_hash_of_the_world_changes_with_each_file_that_it_covers(repository, load, monkeypatch):
    folders = load("experiment_folders")
    settings = load_settings(load("experiment_settings").ExperimentSettings, repository / "conf" / "experiment" / "ja.yaml")
    hashed = []
    original = folders.hash_file
    monkeypatch.setattr(folders, "hash_file", lambda path: hashed.append(path) or original(path))
    world = folders.Layout(settings).world
    assert {path.name for path in hashed} == {f"{name}.py" for name in folders.WORLD_MODULES} | {"en.yaml", "ja.yaml"}
    for changed in tuple(hashed):
        monkeypatch.setattr(folders, "hash_file", lambda path, changed=changed: "x" if path == changed else original(path))
        assert folders.Layout(settings).world != world, changed
