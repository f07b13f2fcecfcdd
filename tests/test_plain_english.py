"""The check of overused turns: sentences it finds, sentences it leaves alone, budgets, and the files it reads."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "docs"))
import plain_english  # noqa: E402

TURNS = plain_english.read_word_list(plain_english.WORD_LIST.read_text(encoding="utf-8"))


def names(text: str) -> list[str]:
    return [use.turn.name for use in plain_english.find_uses(TURNS, "page.md", text)]


@pytest.mark.parametrize(
    ("sentence", "turn"),
    [
        ("A row that is no stream is skipped.", "is no X"),
        ("They were no articles.", "is no X"),
        ("It tells how many rows a rank was told of.", "tell"),
        ("told_rows = []", "tell"),
        ("The manifest says which files were read.", "say"),
        ("The wiki is said to be small.", "say"),
        ("The run goes on after a stop.", "go on"),
        ("A download that is GONE ON with.", "go on"),
        ("What is no row ends the stage.", "what is …"),
        ("It counts what the dump holds.", "what is …"),
        ("Reads what it has, then what comes.", "what is …"),
        ("What stops a stage is raised.", "what …, other clauses"),
        ("What belongs to one wiki stays there.", "what …, other clauses"),
        ("Who knows the commit can name it.", "who does …"),
        ("For whoever runs the build.", "who does …"),
        ("The title stands before the colon.", "stand, lie"),
        ("A file lies beside the dump.", "stand, lie"),
        ("def files_lying_beside(): ...", "stand, lie"),
        ("A fault of one wiki.", "fault"),
        ("faulty blocks", "fault"),
        ("class _Faults: ...", "fault"),
        ("Every rank has a seed of its own.", "of its own"),
        ("Tables of their own.", "of its own"),
        ("Edit the list by hand.", "by hand"),
        ("Such a page is counted.", "such a"),
        ("The name and the length thereof.", "thereof"),
        ("Mended in the next release.", "mend"),
        ("The heirs of this module.", "heir"),
        ("aside = path.with_suffix('.tmp')", "aside"),
        ("Files are dealt to the ranks.", "deal out"),
        ("Everyone waits for the slowest.", "everyone"),
        ("An answer is judged by its text.", "judge"),
        ("A token is worth two bytes.", "worth"),
        ("The run is of one seed.", "is of"),
        ("A page that has none.", "none of a noun"),
    ],
)
def test_an_overused_turn_is_found(sentence: str, turn: str) -> None:
    assert turn in names(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "There is no page of this name, and it is no longer linked.",
        "Readers can tell them apart.",
        "foretelling, untold_",
        "What do you need? What about a cluster?",
        "The user who asked.",
        "NS stands for namespace.",
        "A standalone cluster; the standard library; bodies; relies; flies.",
        "The default is faultless.",
        "Its own tokenizer.",
        "Their name; amend the commit; recommended; inherits.",
        "<aside>A note</aside> and the `aside` element",
        "He gets on with it, ongoing work.",
        "A judgement; a good deal; worthwhile.",
        "None of the pages. That is one.",
    ],
)
def test_plain_sentences_are_left_alone(sentence: str) -> None:
    assert names(sentence) == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("one\ntwo\na row that is\nno stream", 3, "is no"),
        ("# a row that is\n# no stream", 1, "is no"),
        ("def f():\n    # the build goes\n    # on after it", 2, "goes on"),
        ("> of its\n> own", 1, "of its own"),
    ],
)
def test_a_turn_is_found_across_lines_and_comment_marks(text: str, line: int, words: str) -> None:
    (use,) = plain_english.find_uses(TURNS, "page.md", text)
    assert (use.line, use.words) == (line, words)


def test_a_paragraph_break_separates_words() -> None:
    assert names("so it is\n\nno stream") == []


def test_a_line_that_is_marked_as_allowed_is_skipped() -> None:
    assert names("it tells  # plain-english: ok\nit tells") == ["tell"]


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.name)
def test_a_turn_has_a_plain_alternative_and_a_budget(turn: plain_english.Turn) -> None:
    assert turn.instead
    assert turn.budget >= 0


def test_turns_have_different_names() -> None:
    assert len({turn.name for turn in TURNS}) == len(TURNS)


@pytest.mark.parametrize(
    ("path", "checked"),
    [
        ("spark_jobs/build.py", True),
        ("docs/index.md", True),
        ("eval/report/templates/compare.html", True),
        ("benchmarks/transfer/report.md.j2", True),
        ("conf/train/tiny.yaml", True),
        ("docker/spark.Dockerfile", True),
        ("Makefile", True),
        (".ci/run", True),
        ("tests/sample/pack.py", True),
        ("tests/sample/sources/jawiki/page.md", False),
        ("tests/spark_jobs/wikitext/cases/links.md", False),
        ("CHANGELOG.md", False),
        ("docs/plain_english.yaml", False),
        ("tests/test_plain_english.py", False),
        ("eval/tasks/leakage/prompts.json", False),
        ("docs/explanation/experiment-results.svg", False),
    ],
)
def test_which_files_are_checked(path: str, checked: bool) -> None:
    assert plain_english.is_checked(path) is checked


WORD_LIST = r"""# A comment that stays.
- turn: is no X
  find: \b(?:is|are) no\b
  instead: is not an X
  budget: 1
- turn: fault
  find: \bfaults?\b
  instead: error
  budget: 5
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with three uses of `is no X` and none of `fault`, of which one file is not tracked."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "list.yaml").write_text(WORD_LIST, encoding="utf-8")
    (tmp_path / "a.md").write_text("This is no list.\nThese are no\nlists.\n", encoding="utf-8")
    (tmp_path / "b.py").write_text('"""It is no module."""\n', encoding="utf-8")
    (tmp_path / "untracked.md").write_text("a fault, and it is no secret\n", encoding="utf-8")
    (tmp_path / "data.csv").write_text("is no\n", encoding="utf-8")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "add", "a.md", "b.py", "data.csv"], check=True)
    return tmp_path


def check(checkout: Path, *arguments: str) -> int:
    return plain_english.main(arguments, checkout, checkout / "docs" / "list.yaml")


def test_a_budget_that_is_exceeded_fails_with_place_turn_and_alternative(checkout, capsys) -> None:
    assert check(checkout) == 1
    assert capsys.readouterr().err == (
        '"is no X" is used 3 times and its budget is 1:\n'
        '  a.md:1: "is no" (is no X); write: is not an X\n'
        '  a.md:2: "are no" (is no X); write: is not an X\n'
        '  b.py:1: "is no" (is no X); write: is not an X\n'
        '\nRewrite them, or end a line that must stay with a comment "plain-english: ok".\n'
    )


def test_the_counts_of_today_become_the_budgets_and_pass(checkout, capsys) -> None:
    assert check(checkout, "--set-budgets") == 0
    written = (checkout / "docs" / "list.yaml").read_text(encoding="utf-8")
    assert written == WORD_LIST.replace("budget: 1", "budget: 3").replace("budget: 5", "budget: 0")
    assert check(checkout) == 0
    assert capsys.readouterr().err == ""
    (checkout / "b.py").write_text("is no is no\n", encoding="utf-8")
    assert check(checkout) == 1


def test_the_table_of_counts_has_every_turn(checkout, capsys) -> None:
    assert check(checkout, "--counts") == 0
    assert capsys.readouterr().out.splitlines() == [
        "     3 of    1  is no X",
        "     0 of    5  fault",
        "     3          in 2 files",
    ]


def test_named_files_are_listed_whatever_the_budgets(checkout, capsys) -> None:
    assert check(checkout, str(checkout / "b.py")) == 0
    assert capsys.readouterr().out == 'b.py:1: "is no" (is no X); write: is not an X\n'


def test_a_tracked_file_that_was_deleted_is_skipped(checkout) -> None:
    (checkout / "a.md").unlink()
    assert check(checkout) == 0
