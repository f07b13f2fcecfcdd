"""How near our text and links are to MediaWiki's own, page by page, on real dumps.

    apt-get install --no-install-recommends mediawiki php-cli php-sqlite3 php-mbstring php-xml php-intl
    python benchmarks/fidelity.py DUMPS_DIR --pages 150

MediaWiki parses each page as `mediawiki/render.php` says, with a database of its own in a temporary folder. Both sides see the
same rules: templates and parser functions give nothing, no section is dropped; pictures, tables and the tags in
`opaque.DROPPED_TAGS` leave no text. What is left to compare is how wikitext is read.

Text is compared without white space, by shingles of eight characters; links by surface and title, those to other wikis by
surface.
Recall is the share of MediaWiki's that ours has too, precision the share of ours that MediaWiki has.
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
from rich.console import Console
from rich.progress import track
from rich.table import Table

from spark_jobs.common.wiki_languages import interwiki_prefix, language_codes, wikipedia_codes
from spark_jobs.wikis import WikiProfile, load_profile
from spark_jobs.wikitext import Options, extract, normalise_title
from spark_jobs.wikitext.passes.comments_and_extensions import DROPPED_TAGS

HERE = Path(__file__).parent / "mediawiki"
SHINGLE = 8
CODES = {"no": "nb", "simple": "en", "als": "gsw", "zh-min-nan": "nan", "zh-yue": "yue", "zh-classical": "lzh", "bat-smg": "sgs"}
"""Wikipedia's code -> the code of MediaWiki's language, where they differ."""

_SPACE = re.compile(r"[\s\u200b-\u200f\ufeff]+")
_UNSEEN = ("table", "style", "script", "rt", "rp", "rtc")


class Reading(NamedTuple):
    """What one side makes of a page: text without white space, and (surface, title) of each link."""

    text: str
    links: list[tuple[str, str]]


@dataclass
class Score:
    """Sums over the pages of one wiki."""

    pages: int = 0
    same_text: int = 0
    same_links: int = 0
    text: list[int] = field(default_factory=lambda: [0, 0, 0])
    """Shingles of both, of MediaWiki, of ours."""
    links: list[int] = field(default_factory=lambda: [0, 0, 0])

    def add(self, mediawiki: Reading, ours: Reading) -> None:
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
    """`text` without white space and marks of direction."""
    return _SPACE.sub("", text)


def shingles(text: str) -> Counter[str]:
    """All substrings of SHINGLE characters; a shorter text is one."""
    return Counter(text[start : start + SHINGLE] for start in range(max(1, len(text) - SHINGLE + 1))) if text else Counter()


def interwiki_prefixes(language: str) -> dict[str, str]:
    """Prefix -> wiki id, for all prefixes that we know from the Wikipedia of `language`."""
    data = language_codes()
    names = [*wikipedia_codes(), *data["aliases"], *data["projects"], *data["wikipedia"], *data["wikis"], *data["elsewhere"]]
    found = {name: interwiki_prefix(name, language) for name in names}
    return {name: prefix.wiki or "elsewhere" for name, prefix in found.items() if prefix is not None}


@contextmanager
def installed(mediawiki: Path) -> Iterator[dict[str, str]]:
    """A fresh database for MediaWiki in a temporary folder; gives the environment that it is run with."""
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


def render(texts: Iterable[str], profile: WikiProfile, environment: dict[str, str]) -> Iterator[str]:
    """HTML of each wikitext, by MediaWiki in the language of the profile. Raises RuntimeError with PHP's words if it stops."""
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
            raise RuntimeError("PHP has no pipes")
        for text in texts:
            process.stdin.write(json.dumps({"text": text}) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            if not answer.startswith("{"):
                raise RuntimeError(f"MediaWiki stopped: {answer or process.poll()}")
            yield json.loads(answer)["html"]
        process.stdin.close()


def read_html(html: str, profile: WikiProfile) -> Reading:
    """What a reader sees of MediaWiki's HTML. Titles are brought to the wiki's own names of namespaces, which it configures."""
    page = lxml.html.fragment_fromstring(html, create_parent="div")
    for element in list(page.iter(*_UNSEEN)):
        if element.getparent() is not None:
            element.drop_tree()
    links = [
        (squash(anchor.text_content()), "" if anchor.get("data-wiki") else own_title(anchor.get("data-title"), profile))
        for anchor in page.iter("a")
        if anchor.get("data-title") is not None
    ]
    return Reading(squash(page.text_content()), [link for link in links if link[0]])


def own_title(title: str, profile: WikiProfile) -> str:
    """MediaWiki's title without white space, as the wiki writes it."""
    normalised = normalise_title(title, profile)
    return squash(title if normalised is None else normalised.text)


def read_ours(wikitext: str, profile: WikiProfile) -> Reading:
    """What we make of the page, templates switched off."""
    page = extract(wikitext, replace(profile, templates={}, link_templates={}), Options(drop_sections=False))
    links = [(squash(page.text[link.start : link.end]), "" if link.wiki else squash(link.target)) for link in page.links]
    return Reading(squash(page.text), links)


def main(
    dumps: Annotated[list[Path], typer.Argument(help="Dumps (*-pages-articles*.xml*), or folders of them.")],
    pages: Annotated[int, typer.Option(help="Articles of each wiki, the same ones in every run.")] = 150,
    mediawiki: Annotated[Path, typer.Option(help="Where MediaWiki is installed.")] = Path("/usr/share/mediawiki"),
    show: Annotated[int, typer.Option(help="Pages of each wiki whose text differs, to print.")] = 0,
) -> None:
    """Measure and print, wiki by wiki."""
    by_wiki: dict[str, list[str]] = {}
    for article in read_articles(find_dumps(dumps), pages):
        by_wiki.setdefault(article.wiki, []).append(article.wikitext)
    grid = Table("", "pages", "same text", "same links", "text recall", "text precision", "link recall", "link precision")
    console = Console()
    with installed(mediawiki) as environment:
        for wiki, texts in by_wiki.items():
            profile, score, shown = load_profile(wiki), Score(), 0
            answers = render(texts, profile, environment)
            for wikitext, html in zip(track(texts, description=wiki), answers, strict=True):
                theirs, mine = read_html(html, profile), read_ours(wikitext, profile)
                score.add(theirs, mine)
                if theirs.text != mine.text and shown < show:
                    shown += 1
                    console.print(first_difference(theirs.text, mine.text), markup=False, highlight=False)
            shares = [f"{sums[0] / max(1, total):.2%}" for sums in (score.text, score.links) for total in sums[1:]]
            same = [f"{count / score.pages:.1%}" for count in (score.same_text, score.same_links)]
            grid.add_row(wiki, f"{score.pages:,}", *same, *shares)
    console.print(grid)


def first_difference(theirs: str, mine: str) -> str:
    """The place where two texts part, a line for each side."""
    both = zip(theirs, mine, strict=False)
    place = next((index for index, (one, other) in enumerate(both) if one != other), min(len(theirs), len(mine)))
    start = max(0, place - 30)
    return f"  MediaWiki  {theirs[start : place + 40]}\n  ours       {mine[start : place + 40]}"


if __name__ == "__main__":
    typer.run(main)
