"""The summary of a demonstration: missing inputs, and the table on the console."""

import shutil

import pytest

from eval.report.summary_report import write_summary
from spark_jobs.common.errors import ConfigurationError


@pytest.mark.parametrize(
    ("gone", "key"),
    [
        ("corpus/_build.json", "corpus"),
        ("corpus/augmented/wiki=arwiki", "corpus"),
        ("run/metrics.jsonl", "run"),
        ("run/run.json", "run"),
        ("eval/before/results.json", "before"),
        ("eval/after/results.json", "after"),
    ],
)
def test_a_missing_input_is_named_with_its_key(make_summary_settings, demo, gone, key):
    path = demo / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(ConfigurationError, match=rf"^{key}: ") as error:
        write_summary(make_summary_settings())
    assert str(path) in str(error.value)
    assert not (demo / "index.html").exists()
