"""results.json: whole or absent, and refused if damaged or of another version."""

from pathlib import Path

import pytest

from eval.results.evaluation_results import SCHEMA_VERSION, EvalResults, read_results, write_results
from spark_jobs.common.errors import ConfigurationError


def test_a_failed_write_keeps_the_old_results(tmp_path, monkeypatch):
    results = EvalResults(schema_version=SCHEMA_VERSION, model={"path": "old"}, configuration={}, tasks={})
    write_results(tmp_path, results)
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_results(tmp_path, results.model_copy(update={"model": {"path": "new"}}))
    assert read_results(tmp_path) == results


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "cannot be read as results"), ('{"schema_version": "2.0"}', "cannot be read as results"), (None, "does not exist")],
)
def test_a_damaged_or_missing_results_file_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "results.json").write_text(content)
    with pytest.raises(ConfigurationError, match=message) as error:
        read_results(tmp_path)
    assert str(tmp_path / "results.json") in str(error.value)


def test_results_of_another_major_version_are_refused(tmp_path):
    results = EvalResults(schema_version="1.0", model={}, configuration={}, tasks={})
    (tmp_path / "results.json").write_text(results.model_dump_json())
    with pytest.raises(ConfigurationError, match=r"schema version '1\.0', this code reads 2\.1; remove it"):
        read_results(tmp_path)
