"""Optimizer and parameters in the memory of the machine: the shipped files, and that runs learn the same with them.

Here both memories are the CPU's, so these tests run DeepSpeed's other code paths but do not show how much memory they save.
"""

import json
import shutil

import pytest
from safetensors.torch import load_file

from training.planning.memory_by_zero_stage import configured_offload


def offloaded(repository, stage):
    return json.loads((repository / "conf" / "deepspeed" / f"zero{stage}_offload.json").read_text())


@pytest.mark.parametrize(
    ("stage", "what", "more"), [(2, "optimizer", {"offload_optimizer"}), (3, "all", {"offload_optimizer", "offload_param"})]
)
def test_the_shipped_files_differ_from_those_without_offload_only_in_the_offload(repository, stage, what, more):
    plain = json.loads((repository / "conf" / "deepspeed" / f"zero{stage}.json").read_text())["zero_optimization"]
    zero = offloaded(repository, stage)["zero_optimization"]
    assert configured_offload(zero) == what
    assert zero == plain | {name: {"device": "cpu", "pin_memory": True} for name in more}


def settings_of(run_settings, repository, folder, stage):
    """The settings of a run with offload; under ZeRO-3 parameters of any size are partitioned and released."""
    settings = run_settings(folder, stage, checkpoint={"every": 3, "keep": 2}, resume=True)
    content = offloaded(repository, stage)
    if stage == 3:
        content["zero_optimization"] |= {"stage3_param_persistence_threshold": 0, "stage3_max_live_parameters": 1}
    file = folder.with_name(f"zero{stage}_offload.json")
    file.write_text(json.dumps(content))
    return settings | {"deepspeed": str(file)}


def result(folder):
    losses = [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return losses, {name: value.tolist() for name, value in load_file(folder / "model" / "model.safetensors").items()}


@pytest.mark.slow
@pytest.mark.parametrize("stage", [2, 3])
def test_a_run_with_offload_learns_the_same_as_one_without_and_resumes_bit_for_bit(
    finish, finished_run, run_settings, repository, tmp_path, stage
):
    folder = tmp_path / "run"
    settings = settings_of(run_settings, repository, folder, stage)
    finish(settings)
    whole = result(folder)
    assert whole[0] == pytest.approx(result(finished_run(stage).folder)[0], rel=1e-6)
    assert whole[0][-1] < whole[0][0] - 1.0
    used = json.loads((folder / "deepspeed.json").read_text())["zero_optimization"]
    assert configured_offload(used) == {2: "optimizer", 3: "all"}[stage]
    (folder / "run.json").unlink()
    shutil.rmtree(folder / "model")
    done = finish(settings)
    assert "step 9: resumed" in done.stdout
    assert result(folder) == whole
