"""Two ranks, started by torchrun and joined by gloo, leave what one leaves: the same log-likelihoods to the last bit."""

import json
import os
import subprocess
import sys

import pytest

from eval.ranks import Ranks
from eval.results import read_records, read_results

TASKS = ["xcsqa_en", "xcodah_ja", "xcsqa_ja_reference"]


def test_a_rank_takes_every_nth_batch_and_all_of_them_take_all():
    shares = [Ranks(rank, 3).share(range(7)) for rank in range(3)]
    assert shares == [[0, 3, 6], [1, 4], [2, 5]]


def test_one_rank_gathers_what_it_has():
    assert Ranks().gather({1: "a"}) == {1: "a"}
    assert Ranks().broadcast({2}) == {2}


@pytest.fixture
def run(tiny_model, xcsr, tmp_path, repository):
    def run(output, *launcher):
        settings = {"model": tiny_model, "data_dir": xcsr, "output_dir": output, "device": "cpu", "batch_size": 4}
        options = [f"--set={key}={value}" for key, value in settings.items()]
        config = tmp_path / "config.yaml"
        config.write_text(json.dumps({"tasks": TASKS, "num_fewshot": 1}))
        command = [sys.executable, "-m", *launcher, "eval.run", "--config", str(config), *options]
        env = os.environ | {"OMP_NUM_THREADS": "1"}  # torchrun's own default; the number of threads changes the last bit
        done = subprocess.run(command, capture_output=True, text=True, cwd=repository, check=False, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_two_ranks_leave_the_results_of_one_and_one_of_them_speaks(run, tmp_path):
    run(tmp_path / "one")
    said = run(tmp_path / "two", "torch.distributed.run", "--nproc-per-node=2", "--master-port=29517", "-m")
    assert said.count("Scores in per cent") == 1
    one, two = read_results(tmp_path / "one"), read_results(tmp_path / "two")
    assert (one.model["ranks"], two.model["ranks"]) == (1, 2)
    for name in TASKS:
        assert read_records(tmp_path / "one", name) == read_records(tmp_path / "two", name)
        assert one.tasks[name].scores == two.tasks[name].scores
        assert one.tasks[name].key == two.tasks[name].key
    again = run(tmp_path / "two", "torch.distributed.run", "--nproc-per-node=2", "--master-port=29518", "-m")
    assert "3 of 3 tasks were finished before" in " ".join(again.split())
