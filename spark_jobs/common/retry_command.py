"""The command that retries failed wikis, for the user to copy."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

_DROPPED = "\0"
_SPARK_SUBMIT = "PYSPARK_GATEWAY_PORT"  # set for the driver that spark-submit starts


def retry_command(wikis: Sequence[str], argv: Sequence[str] | None = None, submitted: bool | None = None) -> str:
    """The command line of this process, limited to `wikis` by a last `--set`, which overrides earlier options.

    >>> retry_command(["jawiki"], ["/venv/bin/python", "-m", "spark_jobs.build", "--config", "my corpus.yaml"], submitted=False)
    "python -m spark_jobs.build --config 'my corpus.yaml' --set 'wikis=[jawiki]'"

    A driver does not know the options of spark-submit, so there the text names the `--set` alone.
    """
    python, *given = sys.orig_argv if argv is None else argv
    arguments: list[str] = []
    for word, following in zip(given, [*given[1:], ""], strict=True):
        if arguments and arguments[-1] == _DROPPED:  # `word` is the value of a dropped option
            arguments.pop()
        elif word == "--wikis" or (word in ("--set", "-s") and following.startswith("wikis=")):
            arguments.append(_DROPPED)
        elif not word.startswith(("--wikis=", "--set=wikis=")):
            arguments.append(word)
    override = ["--set", f"wikis=[{','.join(wikis)}]"]
    if (_SPARK_SUBMIT in os.environ) if submitted is None else submitted:
        return f"the same spark-submit command with, at its end, {shlex.join(override)}"
    return shlex.join([Path(python).name, *arguments, *override])
