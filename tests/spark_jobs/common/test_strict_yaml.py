"""YAML of configuration files: the content that is refused, with its line, and the scalars that are numbers."""

import doctest
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

import spark_jobs.common.strict_yaml
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.strict_yaml import MAX_BYTES, BoundedLoader, dump_yaml, parse_yaml, read_yaml

LAUGHS = "a0: &a0 lol\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
CHAIN = "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 5000))


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.common.strict_yaml).failed == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("seed: 1\nsteps: 2\nseed: 3\n", "line 3, column 1: the key 'seed' is given twice, first in line 1; remove one of them"),
        ("a:\n  b: 1\n  c: {d: 1, d: 2}", "line 3, column 13: the key 'd' is given twice, first in line 3"),
        ("- {1: a, 1.0: b}", "the key 1.0 is given twice"),
        ("'a': 1\n\"a\": 1", "the key 'a' is given twice"),
        ("b: &b {x: 1}\na:\n  <<: *b\n  <<: *b\n", "line 4, column 3: the key '<<' is given twice"),
        ("a: &a [1, *a]", "line 1, column 11: the value of &a contains itself"),
        ("a: &a {b: *a}", "the value of &a contains itself"),
        ("[" * 5000, "line 1, column 65: the value is nested more than 64 levels deep"),
        ("a:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 200)), "line 65, column 65: the value is nested more than 64"),
        ("- " * 100 + "a", "the value is nested more than 64 levels deep"),
        (CHAIN, "line 65, column 12: the value is nested more than 64 levels deep"),
        (LAUGHS, "the aliases expand to more than 1,048,576 characters; write fewer of them"),
        (f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 20)}]", "line 2, column 41: the aliases expand to more than"),
        (f"a: {'x' * MAX_BYTES}", "has more than 1,048,576 bytes; is it a configuration?"),
        (f"a: {'語' * (MAX_BYTES // 3)}", "has more than 1,048,576 bytes"),
        ("a: 1\nb: \x00", "line 2: the character U+0000 must not occur in it; remove it"),
        ("day: 2024-13-45", "line 1, column 6: '2024-13-45' is not a valid timestamp: month must be in 1..12; quote it"),
        (f"a: {'1' * 5000}", "is not a valid int: "),
        ("a: 0x_", "'0x_' is not a valid int"),
        ("{[1]: 2}", "line 1, column 2: while constructing a mapping, found unhashable key"),
        ("a: !!python/name:os.system x", "could not determine a constructor for the tag"),
        ("a: {<<: [1]}", "line 1, column 10: << takes a mapping or a list of mappings"),
        ("a: *b", "line 1, column 4: found undefined alias 'b'"),
        ("a: 1\n---\nb: 1", "line 2, column 1: expected a single document in the stream, but found another document"),
        ("a: [1\n", "line 2, column 1: while parsing a flow sequence, expected ',' or ']'"),
        ("!" + "x" * 100_000, "could not determine a constructor"),
    ],
    ids=range(26),
)
def test_a_text_that_cannot_be_used_is_refused_with_line_and_remedy(data: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse_yaml(data, "c.yaml")
    assert str(error.value).startswith("c.yaml ")
    assert message in str(error.value)
    assert len(str(error.value)) < 500
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("title: Zürich\n".encode("latin-1"), "c.yaml is not UTF-8: line 1 has the byte 0xfc; save the file as UTF-8"),
        ("a: 1\nb: ä\n".encode("utf-16"), "c.yaml is not UTF-8: line 1 has the byte 0xff"),
        (b"a: 1\nb: 2\nc: \xe6\x97", "c.yaml is not UTF-8: line 3 has the byte 0xe6"),
        (b"#" * (MAX_BYTES + 1), "c.yaml has more than 1,048,576 bytes; is it a configuration?"),
    ],
    ids=["Latin-1", "UTF-16", "cut", "large"],
)
def test_a_file_that_is_not_text_or_too_large_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "c.yaml").write_bytes(data)
    with pytest.raises(ConfigurationError) as error:
        read_yaml(tmp_path / "c.yaml")
    assert message in str(error.value)


def test_a_folder_and_a_missing_file_are_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        read_yaml(tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be read: No such file or directory"):
        read_yaml(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", "010"), ("1:30", "1:30"), ("1:30.5", "1:30.5"), ("no", "no"), ("1e-4", 1e-4), ("1.5e3", 1500.0), (".5", 0.5),
        ("1_000", 1000), ("0x1F", 31), ("0b11", 3), ("0", 0), ("-7", -7), ("-.inf", float("-inf")), ("1.", 1.0),
        ("١٢", "١٢"), ("١e٥", "١e٥"), ("true", True), ("on", "on"), ("2024-01-01", date(2024, 1, 1)),
        ("{a: &x [1], b: *x, c: *x}", {"a": [1], "b": [1], "c": [1]}), ("", None),
        ("[[[[[[[[[[1]]]]]]]]]]", [[[[[[[[[[1]]]]]]]]]]),
        ("b: &b {x: 1, y: 2}\na: {<<: *b, x: 3}\nc: &c {<<: *b, y: 1}\nd: {<<: *c}",
         {"b": {"x": 1, "y": 2}, "a": {"x": 3, "y": 2}, "c": {"x": 1, "y": 1}, "d": {"x": 1, "y": 1}}),
        ("b: &b {key: 1}\nc: &c {key: 2}\nd: {<<: [*b, *c]}", {"b": {"key": 1}, "c": {"key": 2}, "d": {"key": 1}}),
    ],
)  # fmt: skip
def test_values_are_read(text: str, value: Any) -> None:
    assert parse_yaml(text, "x") == value
    assert type(parse_yaml(text, "x")) is type(value)


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes("a: ä\r\nb: 1\r\n".encode("utf-8-sig"))
    assert read_yaml(tmp_path / "c.yaml") == {"a": "ä", "b": 1}


@pytest.mark.parametrize(
    "text", ["1e5", "no", "true", "010", "1:30", "", "a: b", "日本", "1_0", "-.5", "null", "~", "<<", "2024-01-01"]
)
def test_a_text_is_written_so_that_it_is_read_back(text: str) -> None:
    written = dump_yaml({"a": text, "b": [text]})
    assert parse_yaml(written, "x") == {"a": text, "b": [text]}
    assert yaml.safe_load(written) == {"a": text, "b": [text]}


def test_another_loader_keeps_the_bounds(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("a: no")
    assert read_yaml(tmp_path / "c.yaml", BoundedLoader) == {"a": False}
    with pytest.raises(ConfigurationError, match="given twice"):
        parse_yaml("a: 1\na: 2", "x", BoundedLoader)
