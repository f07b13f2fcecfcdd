"""The metrics of each step of a run."""

import pytest

from training.config import OptimizerSettings
from training.engine.learning_rate import learning_rate
from training.stream.rolling_hash import RollingHash


@pytest.fixture(scope="module")
def run(finished_run):
    """ZeRO-2 on two ranks."""
    return finished_run(2)


def test_the_logged_hash_and_counts_are_those_of_the_stream(run, stream):
    rolling = RollingHash()
    for step, line in enumerate(run.metrics):
        batch = stream.batch(step)
        assert line["stream_hash"] == rolling.update(batch.digests)
        assert [list(line["wikis"][wiki].values()) for wiki in ("eswiki", "jawiki")] == batch.counts.tolist()
        assert (line["links_seen"], line["links_inserted"]) == tuple(batch.counts.sum(axis=0)[2:].tolist())
    assert run.summary["stream_fingerprint"] == stream.fingerprint
    assert (run.summary["pivot"], run.summary["span_mapping"]) == ("en", "exact")


def test_every_step_logs_its_metrics(run):
    optimizer = OptimizerSettings(**run.settings["optimizer"])
    for step, line in enumerate(run.metrics):
        assert line["step"] == step + 1
        assert line["tokens"] == (step + 1) * 8 * 64
        assert line["learning_rate"] == learning_rate(optimizer, step, 12)
        assert line["gradient_norm"] > 0
        assert line["tokens_per_second"] > 0
        assert 0 <= line["data_wait_share"] <= 1
    assert "step 12/12  loss" in run.stdout
    assert list((run.folder / "tensorboard").iterdir())
