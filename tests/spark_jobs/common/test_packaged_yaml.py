import sys

import pytest

from spark_jobs.common.packaged_yaml import read_packaged_yaml


@pytest.fixture
def package(tmp_path, monkeypatch) -> str:
    """A package without files whose folder is `tmp_path/some_data`."""
    (tmp_path / "some_data").mkdir()
    (tmp_path / "some_data" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "some_data"
    sys.modules.pop("some_data", None)


def test_a_missing_file_is_none(package) -> None:
    assert read_packaged_yaml(package, "a.yaml") is None


def test_plain_values_are_read(package, tmp_path) -> None:
    (tmp_path / "some_data" / "a.yaml").write_text('a: [1, "ä"]\nb: {c: null}\n', encoding="utf-8")
    assert read_packaged_yaml(package, "a.yaml") == {"a": [1, "ä"], "b": {"c": None}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "the key 'a' is given twice"),
        ("x: {a: 1, a: 1}\n", "the key 'a' is given twice"),
        ("a: [1\n", "is not valid YAML"),
        ("a: !!python/name:os.system x\n", "is not valid YAML"),
    ],
)
def test_a_file_that_is_ambiguous_invalid_or_unsafe_is_refused_by_name(package, tmp_path, text: str, message: str) -> None:
    (tmp_path / "some_data" / "a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"some_data/a.yaml is not valid YAML(.|\n)*{message}|{message}"):
        read_packaged_yaml(package, "a.yaml")
