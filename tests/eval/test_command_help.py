"""`--help` of the commands that take models as arguments."""

import os
import re
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("command", "example", "paragraph"),
    [
        (
            "eval.compare",
            "python -m eval.compare eval/base eval/ft leia=eval/leia1,eval/leia2 --output build/compare",
            "differences with intervals, p values with Holm's correction over tasks, the minimum detectable difference,",
        ),
        (
            "eval.knowledge",
            "python -m eval.knowledge build/eval/base leia=build/eval/leia --corpus build/corpus",
            "Then accuracy by population and by whether the corpus linked the entity with a name to insert.",
        ),
    ],
)
def test_help_keeps_the_example_and_reflows_paragraphs(repository, command, example, paragraph):
    line = [sys.executable, "-m", command, "--help"]
    environment = {**os.environ, "COLUMNS": "200", "PYTHONPATH": str(repository)}
    done = subprocess.run(line, capture_output=True, text=True, cwd=repository, env=environment, check=True)
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    assert f"Usage: python -m {command} [OPTIONS] {{MODEL}}..." in text
    assert any(row.strip() == example for row in text.splitlines())
    assert paragraph in " ".join(text.split())
    assert max(len(row.rstrip()) for row in text.splitlines() if not row.startswith(("╭", "│", "╰"))) > 140
