"""Two ranks, started by torchrun, give the results of one rank: the same log-likelihoods to the last bit."""

import os
import subprocess
import sys

from eval.config import EvalSettings
from eval.results.evaluation_results import read_results
from eval.results.item_records import read_records
from eval.scoring.evaluation_run import evaluate_model
from eval.scoring.scoring_ranks import ScoringRanks

FINISHED, TASKS = ["xcodah_en"], ["xcsqa_en", "xcodah_ja", "xcsqa_ja_reference"]


def test_ranks_share_all_batches():
    shares = [ScoringRanks(rank, 3).share(range(7)) for rank in range(3)]
    assert shares == [[0, 3, 6], [1, 4], [2, 5]]


def test_a_single_rank_gathers_its_answers():
    assert ScoringRanks().gather({1: "a"}) == {1: "a"}
    assert ScoringRanks().broadcast({2}) == {2}


def test_two_ranks_continue_a_run_with_the_results_of_one_rank_and_a_single_output(tiny_model, xcsr, tmp_path, repository):
    def settings(output, tasks):
        values = {"model": tiny_model, "data_dir": xcsr, "output_dir": tmp_path / output, "device": "cpu", "batch_size": 4}
        return EvalSettings(**values, tasks=tasks, num_fewshot=1)

    evaluate_model(settings("one", TASKS))
    evaluate_model(settings("two", FINISHED))
    config = tmp_path / "config.yaml"
    config.write_text(settings("two", [*FINISHED, *TASKS]).to_yaml())
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "eval.run"]
    env = os.environ | {"OMP_NUM_THREADS": "1"}  # torchrun's own default; the number of threads changes the last bit
    done = subprocess.run(
        [*command, "--config", str(config)], capture_output=True, text=True, cwd=repository, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    output = " ".join(done.stdout.split())
    assert output.count("Scores in per cent") == 1
    assert output.count("1 of 4 tasks were finished before") == 1
    one, two = read_results(tmp_path / "one"), read_results(tmp_path / "two")
    assert (one.model["ranks"], two.model["ranks"]) == (1, 2)
    assert list(two.tasks) == [*FINISHED, *TASKS]
    for name in TASKS:
        assert read_records(tmp_path / "one", name) == read_records(tmp_path / "two", name)
        assert one.tasks[name].scores == two.tasks[name].scores
        assert one.tasks[name].key == two.tasks[name].key
