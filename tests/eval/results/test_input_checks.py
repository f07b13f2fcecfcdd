"""Checks of files that the user names."""

import pytest
from pydantic import BaseModel, ValidationError

from eval.results.input_checks import require_path, summarize_validation_error
from spark_jobs.common.errors import ConfigurationError


def test_a_missing_path_is_named_with_its_key_the_folder_and_the_remedy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    missing = tmp_path / "run" / "run.json"
    with pytest.raises(ConfigurationError) as error:
        require_path(missing, "run", "train first")
    assert str(error.value) == f"run: {missing} does not exist (current folder: {tmp_path}); train first"


def test_a_file_or_folder_that_exists_is_returned(tmp_path):
    (tmp_path / "file").touch()
    assert require_path(tmp_path, "corpus", "") == tmp_path
    assert require_path(tmp_path / "file", "corpus", "") == tmp_path / "file"


class Counts(BaseModel):
    a: int
    b: int
    c: int
    d: int


class Record(BaseModel):
    counts: Counts


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("[]", "the file: Input should be an object"),
        ('{"counts": {"a": 1, "b": 2, "c": 3}}', "counts.d: Field required"),
        ('{"counts": {}}', "counts.a: Field required, counts.b: Field required, counts.c: Field required"),
    ],
)
def test_the_first_three_problems_are_named_with_their_fields(content, text):
    with pytest.raises(ValidationError) as error:
        Record.model_validate_json(content)
    assert summarize_validation_error(error.value) == text
