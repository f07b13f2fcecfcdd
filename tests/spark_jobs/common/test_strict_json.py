"""JSON of configuration files: the content that is refused."""

from pathlib import Path

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.strict_json import read_json


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"a": 1, "b": 2, "a": 3}', "the key 'a' is given twice in one object; remove one of them"),
        (b'{"x": [{"a": {}, "a": {}}]}', "the key 'a' is given twice"),
        (b'{"a": NaN}', "NaN is not a number of JSON"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"a": 1', "Expecting ',' delimiter: line 1 column 8"),
        (b'{"a": "\xff"}', "is not UTF-8: line 1 has the byte 0xff"),
        (b" " * (2**20 + 1), "has more than 1,048,576 bytes"),
    ],
    ids=["key", "deep key", "NaN", "deep", "cut", "bytes", "large"],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "c.json").write_bytes(data)
    with pytest.raises(ConfigurationError) as error:
        read_json(tmp_path / "c.json")
    assert str(error.value).startswith(f"{tmp_path}/c.json ")
    assert message in str(error.value)
    assert len(str(error.value)) < 500


def test_plain_values_are_read(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"a": [1, 2.5, null, "ä"], "b": {"a": true}}', encoding="utf-8")
    assert read_json(tmp_path / "c.json") == {"a": [1, 2.5, None, "ä"], "b": {"a": True}}
