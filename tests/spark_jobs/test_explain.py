"""Why a link has no name: every reason on a real page of the sample, and what the command says of it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.contract.corpus_tables import corpus_tables, read_manifests
from spark_jobs.contract.table_schemas import NAME_SOURCES
from spark_jobs.linking.name_resolution import pivots_of
from spark_jobs.linking.unnamed_reasons import REASONS, TargetFacts, reason_of_link, reason_of_target
from spark_jobs.reports.explanation_table import explain_links, find_matching_links
from spark_jobs.reports.link_accounts import WikiLookup, account_for_links, find_page
from spark_jobs.wikis import load_profile

ENGLISH = pivots_of(["en"])[0]
SUN = [{"language": "en", "title": "Sun", "source": "langlink"}]
LIST = [{"language": "en", "title": "List of rivers", "source": "langlink"}]


@pytest.fixture(scope="module")
def lookups(corpus: Path) -> dict[str, WikiLookup]:
    """The tables of each sample wiki."""
    place = Location.of(str(corpus))
    tables = {table.name: table for table in corpus_tables(read_manifests(place))}
    return {wiki: WikiLookup(place, tables, wiki) for wiki in ("jawiki", "eswiki")}


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ((None, "太陽", None), None),
        ((None, "", "歴史"), "same_page"),
        ((None, "太陽", "構造"), "section"),
        (("enwiki", "Sun", "Structure"), "section"),
        (("enwiki", "List of rivers", None), "unusable_title"),
        (("dewiki", "Sternwarte", None), "other_wiki"),
        (("jawiktionary", "太陽", None), "other_wiki"),
    ],
    ids=str,
)
def test_a_link_tells_the_reason_itself_where_it_can(link, reason) -> None:
    assert reason_of_link(*link, ENGLISH) == reason


@pytest.mark.parametrize(
    ("title", "facts", "reason"),
    [
        ("太陽", TargetFacts(SUN), None),
        ("江戸", TargetFacts([]), "no_langlink"),
        ("江戸", TargetFacts([{"language": "de", "title": "Edo", "source": "langlink"}]), "no_langlink"),
        ("川の一覧", TargetFacts(LIST), "unusable_title"),
        ("光の速さ", TargetFacts(None, "光", "速さ"), "redirect_section"),
        ("環", TargetFacts(None, "環"), "redirect_nowhere"),
        ("海", TargetFacts(None), "missing"),
        ("Star Trek: Picard", TargetFacts(None), "missing"),
        ("Category:海", TargetFacts(None), "other_namespace"),
        ("画像:海.jpg", TargetFacts(None), "other_namespace"),
    ],
    ids=str,
)
def test_a_target_tells_the_rest(title, facts, reason) -> None:
    assert reason_of_target(title, facts, ENGLISH, load_profile("jawiki")) == reason


@pytest.mark.parametrize(
    ("wiki", "page", "surface", "reason"),
    [
        ("jawiki", "水星", "クレーター", "missing"),
        ("jawiki", "水星", "光", "redirect_section"),
        ("jawiki", "水星", "天文台", "other_wiki"),
        ("jawiki", "水星", "地球の構造", "section"),
        ("eswiki", "Perro", "caballo", "no_langlink"),
        ("eswiki", "Perro", "el huevo", "redirect_nowhere"),
        ("eswiki", "Perro", "café", "other_namespace"),
    ],
)
def test_every_reason_is_found_on_a_page(lookups, wiki, page, surface, reason) -> None:
    profile = load_profile(wiki)
    accounts = account_for_links(lookups[wiki], find_page(lookups[wiki], page, profile), [ENGLISH], profile)
    assert reason in {account.reason for account in accounts if account.surface == surface}


@pytest.mark.parametrize("wiki", ["jawiki", "eswiki"])
def test_a_link_has_a_reason_exactly_where_it_has_no_name(lookups, read_rows, wiki) -> None:
    profile = load_profile(wiki)
    names = {(row["page_id"], row["start"]): [name["name"] for name in row["names"]] for row in read_rows("links", wiki)}
    found = {}
    for row in read_rows("augmented", wiki):
        for account in account_for_links(lookups[wiki], row, [ENGLISH], profile):
            found[row["page_id"], account.start] = [] if account.name is None else [account.name]
            assert (account.reason is None) == (account.name is not None)
            assert account.because in NAME_SOURCES.values() or account.because.startswith(REASONS[account.reason])
            assert row["text"][account.start : account.end] == account.surface
    assert found == names


@pytest.mark.parametrize("page", ["アルベルト・アインシュタイン", "アインシュタイン", "17", " アルベルト・アインシュタイン "])
def test_a_page_is_found_by_title_redirect_and_id(lookups, page) -> None:
    assert find_page(lookups["jawiki"], page, load_profile("jawiki"))["page_id"] == 17


@pytest.mark.parametrize(
    ("wiki", "page", "link", "message"),
    [
        ("jawiki", "海", None, "'海': the tables of jawiki hold no article or redirect of that title or page id"),
        ("jawiki", "999999", None, "'999999': the tables of jawiki hold no article"),
        ("jawiki", "光の速さ", None, "'光の速さ' of jawiki is a redirect to '光#速さ', which is no article of the dump"),
        ("jawiki", "水星", "ない", "'ない': no link of '水星' has it in its text or target"),
        ("frwiki", "Soleil", None, "the table 'articles' of 'frwiki' is not in .*; it holds eswiki, jawiki"),
    ],
)
def test_what_cannot_be_found_is_said(corpus, demo_settings, wiki, page, link, message) -> None:
    settings = demo_settings.model_copy(update={"output_dir": str(corpus)})
    with pytest.raises(ConfigurationError, match=message):
        explain_links(settings, wiki, page, link, Console(quiet=True))


def test_a_part_of_a_link_is_looked_for_where_none_is_equal(lookups) -> None:
    profile = load_profile("eswiki")
    accounts = account_for_links(lookups["eswiki"], find_page(lookups["eswiki"], "Perro", profile), [ENGLISH], profile)
    assert [account.surface for account in find_matching_links(accounts, "caballo")] == ["caballo"]
    assert [account.surface for account in find_matching_links(accounts, "FELINO")] == ["felino doméstico"]


def console_examples(repository: Path) -> list[tuple[str, str]]:
    page = (repository / "docs" / "reading.md").read_text(encoding="utf-8")
    return re.findall(r"```console\n\$ (.*?)\n(.*?)```", page, re.DOTALL)


def test_the_command_prints_what_the_page_says(corpus, repository, tmp_path) -> None:
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


def test_a_mistake_ends_in_a_sentence_and_help_tells_how_to_ask(corpus, repository) -> None:
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
