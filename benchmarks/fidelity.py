"""Compare the extracted text and links with MediaWiki, page by page, on real dumps.

    apt-get install --no-install-recommends mediawiki php-cli php-sqlite3 php-mbstring php-xml php-intl
    python benchmarks/fidelity.py DUMPS_DIR --pages 150

MediaWiki parses each page with `mediawiki/render.php`, on a new database in a temporary folder. Both sides follow the same rules:
templates and parser functions give no text, no section is dropped; pictures, tables and the tags in
`comments_and_extensions.DROPPED_TAGS` leave no text. So the comparison is about parsing of wikitext.

Text is compared without white space, by shingles of eight characters; links by surface and title, links to other wikis by
surface. Recall is the share of MediaWiki's shingles or links that ours has, precision the share of ours that MediaWiki has.
"""

import json
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import lxml.html
import typer
from inputs.sampled_articles import find_dumps, read_articles
from measuring.result_tables import print_table
from rich.console import Console
from rich.progress import track

from spark_jobs.common.wiki_languages import interwiki_prefix, language_codes, wikipedia_codes
from spark_jobs.wikis import WikiProfile, load_profile
from spark_jobs.wikitext import Options, extract, normalise_title
from spark_jobs.wikitext.passes.comments_and_extensions import DROPPED_TAGS

HERE = Path(__file__).parent / "mediawiki"
SHINGLE = 8
CODES = {"no": "nb", "simple": "en", "als": "gsw", "zh-min-nan": "nan", "zh-yue": "yue", "zh-classical": "lzh", "bat-smg": "sgs"}
"""Code of a Wikipedia -> language code in MediaWiki, where they differ."""

_SPACE = re.compile(r"[\s\u200b-\u200f\ufeff]+")
_UNSEEN = ("table", "style", "script", "rt", "rp", "rtc")


class ParsedPage(NamedTuple):
    """A page as one side reads it: text without white space, and (surface, title) of each link."""

    text: str
    links: list[tuple[str, str]]


@dataclass
class WikiScore:
    """Sums over the pages of one wiki."""

    pages: int = 0
    same_text: int = 0
    same_links: int = 0
    text: list[int] = field(default_factory=lambda: [0, 0, 0])
    """Number of shingles in both, in MediaWiki, and in ours."""
    links: list[int] = field(default_factory=lambda: [0, 0, 0])
    """Number of links in both, in MediaWiki, and in ours."""

    def add(self, mediawiki: ParsedPage, ours: ParsedPage) -> None:
        """Counts one page."""
        self.pages += 1
        self.same_text += mediawiki.text == ours.text
        self.same_links += mediawiki.links == ours.links
        _add(self.text, shingles(mediawiki.text), shingles(ours.text))
        _add(self.links, Counter(mediawiki.links), Counter(ours.links))


def _add(sums: list[int], theirs: Counter[Any], mine: Counter[Any]) -> None:
    sums[0] += (theirs & mine).total()
    sums[1] += theirs.total()
    sums[2] += mine.total()


def squash(text: str) -> str:
    """Returns `text` without white space and direction marks."""
    return _SPACE.sub("", text)


def shingles(text: str) -> Counter[str]:
    """Counts all substrings of SHINGLE characters; a shorter text counts as one."""
    return Counter(text[start : start + SHINGLE] for start in range(max(1, len(text) - SHINGLE + 1))) if text else Counter()


def interwiki_prefixes(language: str) -> dict[str, str]:
    """Returns prefix -> wiki id for all known prefixes, as the Wikipedia of `language` resolves them."""
    data = language_codes()
    names = [*wikipedia_codes(), *data["aliases"], *data["projects"], *data["wikipedia"], *data["wikis"], *data["elsewhere"]]
    found = {name: interwiki_prefix(name, language) for name in names}
    return {name: prefix.wiki or "elsewhere" for name, prefix in found.items() if prefix is not None}


@contextmanager
def install_mediawiki(mediawiki: Path) -> Iterator[dict[str, str]]:
    """Installs a database for MediaWiki in a temporary folder. Yields the environment variables to run it with."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "php",
            str(mediawiki / "maintenance/install.php"),
            "--dbtype",
            "sqlite",
            "--dbname",
            "wiki",
            "--dbpath",
            folder,
        ]
        command += ["--confpath", folder, "--pass", os.urandom(12).hex(), "--scriptpath", "/w", "fidelity", "nobody"]
        subprocess.run(command, check=True, capture_output=True)
        yield {
            **os.environ,
            "MW_INSTALL_PATH": str(mediawiki),
            "MW_CONFIG_FILE": str(HERE / "LocalSettings.php"),
            "LEIA_MEDIAWIKI": folder,
            "WIKI_DROPPED_TAGS": " ".join(sorted(DROPPED_TAGS - {"includeonly"})),
        }


def render_pages(texts: Iterable[str], profile: WikiProfile, environment: dict[str, str]) -> Iterator[str]:
    """Yields the HTML of each wikitext, from MediaWiki in the profile's language. Raises `RuntimeError` if PHP stops."""
    prefixes = Path(environment["LEIA_MEDIAWIKI"]) / "prefixes.json"
    prefixes.write_text(json.dumps(interwiki_prefixes(profile.language)))
    language = CODES.get(profile.language, profile.language)
    process = subprocess.Popen(
        ["php", "-d", "pcre.backtrack_limit=100000000", "-d", "memory_limit=4G", str(HERE / "render.php")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**environment, "WIKI_LANGUAGE": language, "WIKI_PREFIXES": str(prefixes)},
    )
    with process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the PHP process was started without pipes")
        for text in texts:
            process.stdin.write(json.dumps({"text": text}) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            if not answer.startswith("{"):
                raise RuntimeError(f"MediaWiki stopped: {answer or process.poll()}")
            yield json.loads(answer)["html"]
        process.stdin.close()


def read_html(html: str, profile: WikiProfile) -> ParsedPage:
    """Returns the visible text and the links of MediaWiki's HTML. Titles get the names of namespaces that the wiki configures."""
    page = lxml.html.fragment_fromstring(html, create_parent="div")
    for element in list(page.iter(*_UNSEEN)):
        if element.getparent() is not None:
            element.drop_tree()
    links = [
        (squash(anchor.text_content()), "" if anchor.get("data-wiki") else title_on_wiki(anchor.get("data-title"), profile))
        for anchor in page.iter("a")
        if anchor.get("data-title") is not None
    ]
    return ParsedPage(squash(page.text_content()), [link for link in links if link[0]])


def title_on_wiki(title: str, profile: WikiProfile) -> str:
    """Returns a title of MediaWiki without white space, as the wiki writes it."""
    normalised = normalise_title(title, profile)
    return squash(title if normalised is None else normalised.text)


def read_ours(wikitext: str, profile: WikiProfile) -> ParsedPage:
    """Returns the page as `spark_jobs.wikitext` extracts it, with templates switched off."""
    page = extract(wikitext, replace(profile, templates={}, link_templates={}), Options(drop_sections=False))
    links = [(squash(page.text[link.start : link.end]), "" if link.wiki else squash(link.target)) for link in page.links]
    return ParsedPage(squash(page.text), links)


def main(
    dumps: Annotated[list[Path], typer.Argument(help="Dumps (*-pages-articles*.xml*), or folders of them.")],
    pages: Annotated[int, typer.Option(help="Articles of each wiki; the same articles in every run.")] = 150,
    mediawiki: Annotated[Path, typer.Option(help="Folder of MediaWiki.")] = Path("/usr/share/mediawiki"),
    show: Annotated[int, typer.Option(help="Print the first difference of up to this many pages of each wiki.")] = 0,
) -> None:
    """Measures each wiki and prints a table."""
    by_wiki: dict[str, list[str]] = {}
    for article in read_articles(find_dumps(dumps), pages):
        by_wiki.setdefault(article.wiki, []).append(article.wikitext)
    header = ("", "pages", "same text", "same links", "text recall", "text precision", "link recall", "link precision")
    rows = []
    console = Console()
    with install_mediawiki(mediawiki) as environment:
        for wiki, texts in by_wiki.items():
            profile, score, shown = load_profile(wiki), WikiScore(), 0
            answers = render_pages(texts, profile, environment)
            for wikitext, html in zip(track(texts, description=wiki), answers, strict=True):
                theirs, mine = read_html(html, profile), read_ours(wikitext, profile)
                score.add(theirs, mine)
                if theirs.text != mine.text and shown < show:
                    shown += 1
                    console.print(first_difference(theirs.text, mine.text), markup=False, highlight=False)
            shares = [f"{sums[0] / max(1, total):.2%}" for sums in (score.text, score.links) for total in sums[1:]]
            same = [f"{count / score.pages:.1%}" for count in (score.same_text, score.same_links)]
            rows.append((wiki, f"{score.pages:,}", *same, *shares))
    print_table(header, rows, console=console)


def first_difference(theirs: str, mine: str) -> str:
    """Returns the texts around their first difference, a line for each side."""
    both = zip(theirs, mine, strict=False)
    place = next((index for index, (one, other) in enumerate(both) if one != other), min(len(theirs), len(mine)))
    start = max(0, place - 30)
    return f"  MediaWiki  {theirs[start : place + 40]}\n  ours       {mine[start : place + 40]}"


if __name__ == "__main__":
    typer.run(main)
