"""The command `explain` on real pages of the sample."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.linking.name_resolution import load_pivots
from spark_jobs.reports.explanation_table import explain_links, find_matching_links
from spark_jobs.reports.link_explanations import explain_links_of_page
from spark_jobs.reports.page_lookup import find_page
from spark_jobs.wikis import load_profile

ENGLISH = load_pivots(["en"])[0]


@pytest.mark.parametrize(
    ("wiki", "page", "link", "message"),
    [
        ("jawiki", "海", None, "'海': the tables of jawiki hold no article or redirect of that title or page id"),
        ("jawiki", "999999", None, "'999999': the tables of jawiki hold no article"),
        ("jawiki", "光の速さ", None, "'光の速さ' of jawiki is a redirect to '光#速さ', which is not an article of the dump"),
        ("jawiki", "水星", "ない", "'ない': no link of '水星' has it in its text or target"),
        ("frwiki", "Soleil", None, "the table 'articles' of 'frwiki' is not in .*; it holds eswiki, jawiki"),
    ],
)
def test_a_missing_table_page_or_link_is_reported(corpus, demo_settings, wiki, page, link, message) -> None:
    settings = demo_settings.model_copy(update={"output_dir": str(corpus)})
    with pytest.raises(ConfigurationError, match=message):
        explain_links(settings, wiki, page, link, Console(quiet=True))


def test_links_match_by_part_only_if_none_is_equal(page_lookups) -> None:
    profile = load_profile("eswiki")
    accounts = explain_links_of_page(
        page_lookups["eswiki"], find_page(page_lookups["eswiki"], "Perro", profile), [ENGLISH], profile
    )
    assert [account.surface for account in find_matching_links(accounts, "caballo")] == ["caballo"]
    assert [account.surface for account in find_matching_links(accounts, "FELINO")] == ["felino doméstico"]


def console_examples(repository: Path) -> list[tuple[str, str]]:
    page = (repository / "docs" / "how-to" / "inspect-a-corpus.md").read_text(encoding="utf-8")
    return re.findall(r"```console\n\$ (.*?)\n(.*?)```", page, re.DOTALL)


def test_the_command_prints_the_output_in_the_docs(corpus, repository, tmp_path) -> None:
    (tmp_path / "build/demo").mkdir(parents=True)
    (tmp_path / "build/demo/corpus").symlink_to(corpus)
    (tmp_path / "conf").symlink_to(repository / "conf")
    examples = console_examples(repository)
    assert len(examples) == 2
    for command, output in examples:
        words = command.split()
        done = subprocess.run(
            [sys.executable, *words[1:]],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "120"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert [line.strip() for line in done.stdout.split("\n") if line.strip()] == [
            line.strip() for line in output.split("\n") if line.strip()
        ]


def test_an_error_is_one_sentence_and_help_shows_an_example(corpus, repository) -> None:
    command = [sys.executable, "-m", "spark_jobs.explain", "--config", str(repository / "conf/corpus/demo.yaml")]
    command += ["--set", f"output_dir={corpus}"]
    done = subprocess.run([*command, "jawiki", "海"], capture_output=True, text=True, cwd=repository, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: '海': the tables of jawiki")
    assert "Traceback" not in done.stderr
    done = subprocess.run([*command[:3], "--help"], capture_output=True, text=True, cwd=repository, check=False)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    for expected in ("WIKI", "PAGE", "LINK", "--config", "--set", "jawiki 水星 海"):
        assert expected in shown
