"""Per-item records of a task."""

import hashlib

import pytest

from eval.results.evaluation_results import read_results
from eval.results.item_records import read_records, read_verified_records, records_sha256, write_records
from spark_jobs.common.errors import ConfigurationError

from ..evaluations import answer, write_evaluation

RECORDS = [answer(0, 1, entity="カイロ"), answer(1, 0)]


@pytest.fixture
def result(tmp_path):
    return read_results(write_evaluation(tmp_path, "f", {"cities_ja": RECORDS})).tasks["cities_ja"]


def test_records_that_are_gone_are_refused_with_the_command_to_run_again(tmp_path, result):
    (tmp_path / "samples" / "cities_ja.jsonl").unlink()
    with pytest.raises(
        ConfigurationError, match=rf"samples/cities_ja\.jsonl does not exist: .* run python -m eval\.run for {tmp_path} again"
    ):
        read_verified_records(tmp_path, "cities_ja", result)


def test_records_of_another_run_are_refused(tmp_path, result):
    write_records(tmp_path, "cities_ja", RECORDS[:1])
    with pytest.raises(ConfigurationError, match=r"cities_ja\.jsonl holds other records than those behind the results"):
        read_verified_records(tmp_path, "cities_ja", result)
    assert read_records(tmp_path, "cities_ja") == RECORDS[:1]


def test_records_are_read_as_they_were_written(tmp_path, result):
    assert read_verified_records(tmp_path, "cities_ja", result) == read_records(tmp_path, "cities_ja") == RECORDS


def test_the_hash_is_that_of_the_file_and_a_missing_file_has_none(tmp_path):
    assert records_sha256(tmp_path, "cities_ja") is None
    written = write_records(tmp_path, "cities_ja", RECORDS)
    content = (tmp_path / "samples" / "cities_ja.jsonl").read_bytes()
    assert written == records_sha256(tmp_path, "cities_ja") == hashlib.sha256(content).hexdigest()
    assert content.count(b"\n") == 2
