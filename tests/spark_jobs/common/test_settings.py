from pathlib import Path

import pytest
from pydantic import Field

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import PathText, Settings, load_settings
from spark_jobs.common.strict_yaml import parse_yaml


class Inner(Settings):
    rate: float = Field(0.5, ge=0, le=1)
    """A share."""


class Outer(Settings):
    name: str
    """A name."""
    wikis: list[str] = Field(default_factory=list)
    """Wikis."""
    inner: Inner = Field(default_factory=Inner)
    """More."""


@pytest.mark.parametrize(
    ("yaml", "overrides", "message"),
    [
        ("", [], r"name: required but missing; add it to the file or pass --set name="),
        ("name: a\nnmae: b", [], r"nmae: unknown key \(value 'b'\); did you mean 'name'\?"),
        ("name: a\nzzz: 1", [], r"zzz: unknown key \(value 1\); known keys: name, wikis, inner"),
        ("name: a\ninner: {raet: 1}", [], r"inner\.raet: unknown key \(value 1\); did you mean 'rate'\?"),
        ("name: a\ninner: {rate: 2}", [], r"inner\.rate: 2 is not allowed: Input should be less than or equal to 1"),
        ("name: [a]", [], r"name: \['a'\] is not allowed: Input should be a valid string"),
        ("name: a", ["inner.rate=x"], r"inner\.rate: 'x' is not allowed"),
        ("name: a", ["inner"], "expected KEY=VALUE"),
        ("name: a", ["=3"], "expected KEY=VALUE"),
        ("name: a", ["name.x=3"], "'name' is 'a', not a section with keys"),
        ("name: a", ["wikis=[a"], "is not valid YAML"),
        ("[1, 2]", [], "expected a mapping of keys at the top level, found a list"),
        ("a: b: c", [], "is not valid YAML"),
    ],
)
def test_an_invalid_key_is_named_with_its_value_and_the_allowed_values(
    tmp_path: Path, yaml: str, overrides: list[str], message: str
) -> None:
    (tmp_path / "c.yaml").write_text(yaml)
    with pytest.raises(ConfigurationError, match=message):
        load_settings(Outer, tmp_path / "c.yaml", overrides)


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("name: a\nwikis: [x]\nname: b", [], r"/c\.yaml is not valid YAML: line 3, column 1: the key 'name' is given twice"),
        ("name: a", ["inner={rate: 0, rate: 1}"], r"--set 'inner={rate: 0, rate: 1}' is not valid YAML: .*'rate' is given twice"),
        ("name: a", [f"wikis={'[' * 5000}"], "is nested more than 64 levels deep"),
        ("name: a", ["wikis=[\udcff]"], r"--set 'wikis=\[\\udcff\]' is not valid YAML: line 1: the character U\+DCFF"),
        ("false", [], "expected a mapping of keys at the top level, found a bool"),
        ("name: a\n1: b", [], "1: 1 is not allowed: Keys should be strings"),
    ],
    ids=range(6),
)
def test_ambiguous_and_hostile_values_are_refused_in_files_and_overrides(
    tmp_path: Path, text: str, overrides: list[str], message: str
) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=message) as error:
        load_settings(Outer, tmp_path / "c.yaml", overrides)
    assert len(str(error.value)) < 600


def test_the_file_that_repeats_a_key_is_named_when_another_extends_it(tmp_path: Path) -> None:
    path = write_files(tmp_path, {"a.yaml": "extends: b.yaml", "b.yaml": "name: b\nname: c"})
    with pytest.raises(ConfigurationError, match=r"/b\.yaml is not valid YAML: line 2, column 1: the key 'name' is given twice"):
        load_settings(Outer, path)


def test_a_message_is_short_for_long_values_and_many_problems(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(f"name: {list(range(10_000))}\n" + "".join(f"key{n}: {'x' * 5000}\n" for n in range(100)))
    with pytest.raises(ConfigurationError) as error:
        load_settings(Outer, tmp_path / "c.yaml")
    lines = str(error.value).splitlines()
    assert lines[-1] == "  and 81 more"
    assert max(map(len, lines)) < 400


class Paths(Settings):
    folder: Path
    """A folder."""
    other: Path | None = None
    """Another."""
    several: list[Path] = Field(default_factory=list)
    """More."""
    corpus: PathText = "build"
    """A URI."""
    label: str = ""
    """No path."""


@pytest.mark.parametrize("empty", ["", "  ", "\t"])
@pytest.mark.parametrize("key", ["folder", "other", "corpus", "several"])
def test_an_empty_path_is_refused(key: str, empty: str) -> None:
    value = f'["{empty}"]' if key == "several" else f'"{empty}"'
    with pytest.raises(ConfigurationError, match=f"{key}.*is not allowed: the path is empty; write a folder or file, or '.' for"):
        load_settings(Paths, None, ["folder=x", f"{key}={value}"])


def test_other_texts_may_be_empty_and_a_path_may_be_the_current_folder() -> None:
    settings = load_settings(Paths, None, ["folder=.", "corpus=.", 'label=""', "other=null", "several=[a, .]"])
    assert settings == Paths(folder=Path(), corpus=".", several=[Path("a"), Path()])


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"--config nowhere\.yaml: there is no such file"):
        load_settings(Outer, Path("nowhere.yaml"))


def test_later_overrides_win_and_other_keys_keep_their_values(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("name: a\ninner: {rate: 0.1}\nwikis: [x]")
    settings = load_settings(Outer, tmp_path / "c.yaml", ["inner.rate=0.2", "inner.rate=0.3", "wikis=[a, b]", "name=1.5.0"])
    assert settings == Outer(name="1.5.0", wikis=["a", "b"], inner=Inner(rate=0.3))


def test_the_resolved_configuration_reads_back_the_same() -> None:
    settings = Outer(name="日本", wikis=["a"])
    assert Outer.model_validate(parse_yaml(settings.to_yaml(), "x")) == settings


@pytest.mark.parametrize(
    ("text", "value"), [("5e-6", 5e-6), ("1E3", 1000.0), ("-2.5e2", -250.0), ("1e", "1e"), ("3", 3), ("null", None)]
)
def test_numbers_in_exponent_form_are_numbers(text: str, value: object) -> None:
    assert parse_yaml(text, "x") == value


def write_files(folder: Path, files: dict[str, str]) -> Path:
    """Write files, and return the first one's path."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / next(iter(files))


@pytest.mark.parametrize(
    ("files", "settings"),
    [
        (
            {"a.yaml": "extends: b.yaml\nname: a", "b.yaml": "name: b\nwikis: [x]\ninner: {rate: 0.1}"},
            Outer(name="a", wikis=["x"], inner=Inner(rate=0.1)),
        ),
        ({"a.yaml": "extends: b.yaml\nwikis: [y]", "b.yaml": "name: b\nwikis: [x, z]"}, Outer(name="b", wikis=["y"])),
        ({"a.yaml": "extends: b.yaml\ninner: {rate: 0}", "b.yaml": "name: b\ninner:"}, Outer(name="b", inner=Inner(rate=0))),
        ({"a.yaml": "extends: b.yaml", "b.yaml": "name: b"}, Outer(name="b")),
        (
            {"a.yaml": "extends: b/c.yaml", "b/c.yaml": "extends: ../d.yaml\nname: c", "d.yaml": "name: d\nwikis: [x]"},
            Outer(name="c", wikis=["x"]),
        ),
    ],
)
def test_a_file_overrides_the_values_that_it_inherits(tmp_path: Path, files: dict[str, str], settings: Outer) -> None:
    assert load_settings(Outer, write_files(tmp_path, files)) == settings


def test_an_override_changes_one_inherited_key(tmp_path: Path) -> None:
    path = write_files(tmp_path, {"a.yaml": "extends: b.yaml", "b.yaml": "name: b\ninner: {rate: 0.1}"})
    assert load_settings(Outer, path, ["inner.rate=0.2", "name=c"]) == Outer(name="c", inner=Inner(rate=0.2))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.yaml": "extends: a.yaml"}, r"a\.yaml extends \S*a\.yaml: a file cannot extend itself"),
        (
            {"a.yaml": "extends: b/c.yaml", "b/c.yaml": "extends: ../a.yaml"},
            r"a\.yaml extends \S*b/c\.yaml extends \S*b/\.\./a\.yaml: a file cannot extend itself",
        ),
        ({"a.yaml": "extends: b.yaml"}, r"a\.yaml: extends \S*b\.yaml, but there is no such file \(current folder: "),
        ({"a.yaml": "extends: [b.yaml]"}, r"a\.yaml: extends: \['b\.yaml'\] is not allowed: expected one file, relative to this"),
        ({"a.yaml": "extends:"}, r"a\.yaml: extends: None is not allowed"),
        ({"a.yaml": "extends: b.yaml", "b.yaml": "[1]"}, r"b\.yaml: expected a mapping of keys at the top level, found a list"),
        ({"a.yaml": "extends: b.yaml", "b.yaml": "a: b: c"}, r"b\.yaml is not valid YAML"),
        (
            {"a.yaml": "extends: b.yaml\nname: a", "b.yaml": "inner: {raet: 1}"},
            r"a\.yaml, which extends \S*b\.yaml cannot be used:\n  inner\.raet: unknown key \(value 1\); did you mean 'rate'\?",
        ),
        ({"a.yaml": "extends: b.yaml", "b.yaml": "wikis: [x]"}, r"name: required but missing; add it to the file"),
        ({"a.yaml": "extends: b.yaml\ninner:", "b.yaml": "name: b\ninner: {rate: 1}"}, r"inner: None is not allowed"),
        ({"a.yaml": "name: a\ninner: {extends: b.yaml}"}, r"inner\.extends: unknown key"),
    ],
)
def test_a_mistake_in_an_extended_file_is_named_with_the_file(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_settings(Outer, write_files(tmp_path, files))
