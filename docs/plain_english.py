"""Count the overused turns of `docs/plain_english.yaml` in the text of the repository.

    python docs/plain_english.py                 # fails where a turn is used more often than its budget
    python docs/plain_english.py PATH...         # every use in these files and folders, whatever the budgets
    python docs/plain_english.py --counts        # a table: uses, budget, turn
    python docs/plain_english.py --set-budgets   # write the counts of today into the list

Code, strings, comments, docstrings and prose count alike. Files are those that git tracks. A line with `plain-english: ok` is
skipped; the usual way to allow a use is the budget.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

WORD_LIST = Path(__file__).with_suffix(".yaml")
REPOSITORY = WORD_LIST.parents[1]
SUFFIXES = {".py", ".md", ".html", ".yaml", ".yml", ".j2", ".sh", ".toml", ".Dockerfile"}
WITHOUT_SUFFIX = {"Makefile", ".ci/run"}
# Texts of others, cases, what was released, and the files that must name the turns.
SKIPPED = re.compile(
    r"tests/sample/sources/|tests/(?:.*/)?cases/|CHANGELOG\.md$|docs/plain_english\.yaml$|tests/test_plain_english\.py$"
)
ALLOWED_LINE = "plain-english: ok"
_BUDGET = re.compile(r"^  budget: \d+$", re.MULTILINE)
_GAP = r"(?:[ \t]+|[ \t]*\n[ \t]*(?:(?:#|//|>|\*)[ \t]+)?)"
"""Between two words: blanks, or one line break and the mark that begins the next line of a comment."""
_EDGE = r"(?:\b|(?<=_)|(?=_))"
"""Where a word begins or ends, as part of an identifier too."""


@dataclass(frozen=True)
class Turn:
    """A turn of phrase: its name, the expression that finds it, a plain alternative, and how many uses are allowed."""

    name: str
    find: re.Pattern[str]
    instead: str
    budget: int


@dataclass(frozen=True)
class Use:
    """One use of a turn: the file, the line (from 1) where it begins, and the words that matched."""

    turn: Turn
    path: str
    line: int
    words: str

    def __str__(self) -> str:
        return f'{self.path}:{self.line}: "{self.words}" ({self.turn.name}); write: {self.turn.instead}'


def read_word_list(text: str) -> list[Turn]:
    """The turns of a list in YAML, in its order. Raises `KeyError` and `re.error` where an entry is incomplete or not valid."""
    return [Turn(entry["turn"], _compile(entry["find"]), entry["instead"], entry["budget"]) for entry in yaml.safe_load(text)]


def _compile(find: str) -> re.Pattern[str]:
    return re.compile(find.replace(r"\b", _EDGE).replace(" ", _GAP), re.IGNORECASE)


def find_uses(turns: Sequence[Turn], path: str, text: str) -> Iterator[Use]:
    """The uses of every turn in one file, turn by turn, without those that begin on an allowed line."""
    lines = text.split("\n")
    for turn in turns:
        for match in turn.find.finditer(text):
            line = text.count("\n", 0, match.start())
            if ALLOWED_LINE not in lines[line]:
                yield Use(turn, path, line + 1, re.sub(_GAP, " ", match[0]))


def is_checked(path: str) -> bool:
    """Whether the file of this path, relative to the repository, is checked."""
    return (Path(path).suffix in SUFFIXES or path in WITHOUT_SUFFIX) and not SKIPPED.match(path)


def tracked_files(repository: Path, within: Iterable[str] = ()) -> list[str]:
    """Paths of the tracked files that are checked, relative to the repository; `within` limits them to files and folders."""
    command = ["git", "-C", str(repository), "ls-files", "-z", "--", *within]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return [path for path in listed if path and is_checked(path) and (repository / path).is_file()]


def exceeded_budgets(turns: Sequence[Turn], uses: Sequence[Use]) -> list[str]:
    """A message for each turn with more uses than its budget: the counts, then place, words and alternative of each use."""
    messages = []
    for turn in turns:
        found = [use for use in uses if use.turn is turn]
        if len(found) > turn.budget:
            head = f'"{turn.name}" is used {len(found)} times and its budget is {turn.budget}:'
            messages.append("\n  ".join([head, *map(str, found)]))
    return messages


def with_budgets(text: str, counts: Sequence[int]) -> str:
    """The word list with these budgets, one for each turn in order; comments and everything else stay."""
    remaining = iter(counts)
    return _BUDGET.sub(lambda _: f"  budget: {next(remaining)}", text)


def main(arguments: Sequence[str] | None = None, repository: Path = REPOSITORY, word_list: Path = WORD_LIST) -> int:
    """The exit code: 0, or 1 if a budget is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", help="print every use in these files and folders")
    parser.add_argument("--counts", action="store_true", help="print a table of uses and budgets")
    parser.add_argument("--set-budgets", action="store_true", help="write the counts of today into the word list")
    options = parser.parse_args(arguments)
    content = word_list.read_text(encoding="utf-8")
    turns = read_word_list(content)
    paths = [str(Path(path).resolve().relative_to(repository)) for path in options.paths]
    files = tracked_files(repository, paths)
    uses = [use for path in files for use in find_uses(turns, path, (repository / path).read_text(encoding="utf-8"))]
    counts = [sum(use.turn is turn for use in uses) for turn in turns]
    if options.counts:
        for turn, count in zip(turns, counts, strict=True):
            print(f"{count:6} of {turn.budget:4}  {turn.name}")
        print(f"{sum(counts):6}          in {len(files)} files")
        return 0
    if options.set_budgets:
        word_list.write_text(with_budgets(content, counts), encoding="utf-8")
        return 0
    if options.paths:
        print(*sorted(uses, key=lambda use: (use.path, use.line)), sep="\n", end="\n" if uses else "")
        return 0
    messages = exceeded_budgets(turns, uses)
    if messages:
        print(*messages, sep="\n\n", file=sys.stderr)
        print(f'\nRewrite them, or end a line that must stay with a comment "{ALLOWED_LINE}".', file=sys.stderr)
    return 1 if messages else 0


if __name__ == "__main__":
    sys.exit(main())
