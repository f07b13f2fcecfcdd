"""Every example in the how-to guides about reading a corpus runs and prints the output below it."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

HOW_TO = Path(__file__).parents[3] / "docs" / "how-to"
PAGES = (HOW_TO / "read-the-tables.md", HOW_TO / "inspect-a-corpus.md")
PLACE = "build/demo/corpus"


class Example(NamedTuple):
    """A block of code and its output."""

    reader: str
    code: str
    output: str


def examples() -> list[Example]:
    found = []
    for section in (section for page in PAGES for section in page.read_text(encoding="utf-8").split("\n## ")[1:]):
        reader = section.partition("\n")[0]
        blocks = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", section, re.DOTALL)
        found += [Example(reader, code, output) for code, output in blocks]
        assert section.count("```python") == len(blocks), f"{reader}: a code block without output"
    return found


EXAMPLES = examples()


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


@pytest.fixture(scope="module")
def workplace(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample corpus at the path of `make demo`."""
    folder = tmp_path_factory.mktemp("reading")
    (folder / PLACE).parent.mkdir(parents=True)
    (folder / PLACE).symlink_to(corpus)
    return folder


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.reader != "Spark"], ids=lambda example: example.reader)
def test_an_example_without_spark_prints_the_output_on_the_page(workplace: Path, example: Example) -> None:
    environment = {**os.environ, "HF_HOME": str(workplace / "hub"), "HF_HUB_OFFLINE": "1", "COLUMNS": "120"}
    command = [sys.executable, "-c", example.code]
    done = subprocess.run(command, cwd=workplace, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert lines(done.stdout) == lines(example.output)


def test_the_spark_example_prints_the_output_on_the_page(spark, corpus: Path) -> None:
    (example,) = (e for e in EXAMPLES if e.reader == "Spark")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        # The JVM resolves relative paths in the folder where it was started.
        exec(compile(example.code.replace(PLACE, str(corpus)), PAGES[0].name, "exec"), {})
    assert lines(printed.getvalue()) == lines(example.output)


@pytest.mark.parametrize("reader", ["pyarrow", "DuckDB", "Polars", "Spark", "datasets"])
def test_every_reader_has_an_example_for_every_table(reader: str) -> None:
    code = "".join(example.code for example in EXAMPLES if example.reader == reader)
    for table in ("articles", "names", "augmented", "links", "encoded"):
        assert re.search(rf"{table}[-/\"]", code), f"{reader} has no example for {table}"
