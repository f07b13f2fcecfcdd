"""Measure extraction of text and links, ours and three peers, on the same real pages, in CPU time of one core.

    pip install '.[spark,peers]'
    python benchmarks/wikitext.py PATH... --repeat 3 --markdown --json figures.json

PATH is a dump (`*-pages-articles*.xml*`) or a folder of dumps. `peers/wikitext_extractors.py` has the calls that are timed and
the rule that decides which links count, the same for all tools: links that a reader sees in the text of the tool.

On each page the tools take turns, in a rotating order, so that other load on the machine affects all of them. The time of a
tool on a page is the smallest `time.process_time` of its repeats, without imports, profiles and compiled patterns. If a tool
fails on a page, or takes longer than `--timeout` seconds, the size of the page and the time count, and its text and links do
not. Machines differ and are noisy: compare the ratios, not the MB/s.
"""

import gc
import json
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NamedTuple

import typer
from inputs.sampled_articles import SampledArticle, find_dumps, read_articles
from measuring.machine import describe_machine, list_packages
from measuring.result_tables import format_markdown, print_figures
from peers.wikitext_extractors import BASELINE, OURS, PACKAGES, TOOLS, ExtractedPage, Extractor
from rich.console import Console
from rich.progress import track

from spark_jobs.wikis import WikiProfile, load_profile

HEADER = ("", f"speed, {BASELINE} = 1", "MB/s", "links a reader sees", "links reported", "characters", "failures")


class PageTimeoutError(BaseException):
    """A tool took too long for a page. Not an `Exception`, so that tools do not catch it."""


@dataclass
class ExtractorTotals:
    """The sums of one tool over all pages: one row of the table."""

    seconds: float = 0.0
    links: int = 0
    reported: int = 0
    characters: int = 0
    failures: int = 0
    timeouts: int = 0
    failed: list[str] = field(default_factory=list)
    """`wiki: title: reason` of each page that failed."""


class MissingLink(NamedTuple):
    """A link on a page that a peer shows and ours does not."""

    wiki: str
    title: str
    markup: str


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises `PageTimeoutError` in the block after `seconds` of wall-clock time; in C code, when it returns. Main thread only.

    With a timer of CPU time, Linux would count CPU time in ticks of milliseconds.
    """

    def stop(signal_number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise PageTimeoutError

    handler = signal.signal(signal.SIGALRM, stop)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def measure_page(
    tool: Extractor, wikitext: str, profile: WikiProfile, timeout: float
) -> tuple[float, ExtractedPage | Exception | None]:
    """Returns the CPU seconds of a tool on a page, and its result: None after a timeout, the exception after a failure."""
    source = tool.prepare(wikitext, profile)
    seconds, start = None, time.process_time()
    try:
        with time_limit(timeout):
            start = time.process_time()
            result = tool.run(source, profile)
            seconds = time.process_time() - start
        return seconds, tool.read(result, profile)
    except PageTimeoutError:
        return time.process_time() - start, None
    except Exception as error:
        return time.process_time() - start if seconds is None else seconds, error


def measure_extractors(
    articles: Iterable[SampledArticle], tools: Sequence[Extractor], repeat: int = 1, timeout: float = 60.0
) -> tuple[dict[str, ExtractorTotals], dict[str, list[MissingLink]]]:
    """Runs every tool on every page. Returns tool -> totals, and peer -> links that it shows and ours does not."""
    totals = {tool.name: ExtractorTotals() for tool in tools}
    missing: dict[str, list[MissingLink]] = {tool.name: [] for tool in tools if tool.name != OURS}
    for number, article in enumerate(articles):
        profile = load_profile(article.wiki)
        seconds = dict.fromkeys(totals, float("inf"))
        pages: dict[str, ExtractedPage] = {}
        outcomes: dict[str, ExtractedPage | Exception | None] = {}
        for turn in range(repeat):
            first = (number + turn) % len(tools)
            for tool in [*tools[first:], *tools[:first]]:
                spent, outcomes[tool.name] = measure_page(tool, article.wikitext, profile, timeout)
                seconds[tool.name] = min(seconds[tool.name], spent)
        for name, outcome in outcomes.items():
            total = totals[name]
            total.seconds += seconds[name]
            if isinstance(outcome, ExtractedPage):
                pages[name] = outcome
                total.links += len(outcome.links)
                total.reported += outcome.reported
                total.characters += outcome.characters
                continue
            reason = "timeout" if outcome is None else repr(outcome)
            total.failed.append(f"{article.wiki}: {article.title}: {reason}")
            total.timeouts += outcome is None
            total.failures += outcome is not None
        for name in missing.keys() & pages.keys():
            missing[name] += find_missing(article, pages.get(OURS), pages[name])
    return totals, missing


def find_missing(article: SampledArticle, ours: ExtractedPage | None, peer: ExtractedPage) -> list[MissingLink]:
    """Returns the links of `peer` that ours does not have, or has less often."""
    left = Counter(link.target for link in ours.links) if ours else Counter()
    found = []
    for link in peer.links:
        if left[link.target]:
            left[link.target] -= 1
        else:
            found.append(MissingLink(article.wiki, article.title, link.markup))
    return found


def extractor_rows(totals: dict[str, ExtractorTotals], megabytes: float) -> list[tuple[str, ...]]:
    """Returns a row for each tool, with the columns `HEADER`."""
    baseline = totals[BASELINE].seconds
    return [
        (
            name,
            f"{baseline / total.seconds:.1f}",
            f"{megabytes / total.seconds:.2f}",
            f"{total.links:,}",
            f"{total.reported:,}",
            f"{total.characters:,}",
            f"{total.failures + total.timeouts}",
        )
        for name, total in totals.items()
    ]


def caption_extractors(report: dict[str, Any]) -> str:
    """Returns a caption with the sample and the machine."""
    machine, sample = report["machine"], report["sample"]
    wikis = ", ".join(f"{wiki} {number}" for wiki, number in sample["articles"].items())
    return (
        f"{sum(sample['articles'].values()):,} articles ({wikis}), {sample['megabytes']:.1f} MB of wikitext, best of "
        f"{report['repeat']}; {machine['processor']}, one core, {machine['python']}; {list_packages(machine)}."
    )


def main(
    paths: Annotated[list[Path], typer.Argument(help="Dumps (*-pages-articles*.xml*) and folders of dumps.", exists=True)],
    pages: Annotated[int, typer.Option(help="Maximum number of articles of each wiki.", min=1)] = 150,
    repeat: Annotated[int, typer.Option(help="Number of times that each tool reads each page; the fastest counts.", min=1)] = 1,
    timeout: Annotated[float, typer.Option(help="Longest time of a tool for a page, in seconds.", min=0.001)] = 60.0,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the figures and the machine to this file.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
    missing: Annotated[int, typer.Option(help="List up to this many links of each peer that ours does not show.", min=0)] = 0,
) -> None:
    """Measures all tools on the same pages, and prints their speed and the links that they find."""
    articles = read_articles(find_dumps(paths), pages)
    if not articles:
        raise typer.BadParameter(
            f"{', '.join(map(str, paths))}: no articles in files named *-pages-articles*.xml*; give dumps or folders of dumps"
        )
    try:
        tools = [make() for make in TOOLS.values()]
    except ImportError as error:
        raise typer.BadParameter(f"{error.name} is not installed: pip install '.[peers]'") from error
    by_wiki = Counter(article.wiki for article in articles)
    megabytes = sum(len(article.wikitext.encode()) for article in articles) / 1e6
    first_of_wiki = {article.wiki: article for article in reversed(articles)}
    measure_extractors(first_of_wiki.values(), tools, timeout=timeout)
    gc.freeze()  # so that garbage collection does not get slower with each tool that is loaded
    totals, missed = measure_extractors(
        track(articles, f"{len(articles)} articles, {megabytes:.1f} MB", console=Console(stderr=True)), tools, repeat, timeout
    )
    report = {
        "machine": describe_machine(PACKAGES),
        "sample": {"articles": dict(by_wiki), "megabytes": round(megabytes, 3)},
        "repeat": repeat,
        "tools": {
            name: {
                "speed_ratio": round(totals[BASELINE].seconds / total.seconds, 3),
                "megabytes_per_second": round(megabytes / total.seconds, 3),
                **asdict(total),
                "links_that_ours_lacks": len(missed.get(name, ())),
            }
            for name, total in totals.items()
        },
    }
    rows = extractor_rows(totals, megabytes)
    if markdown:
        typer.echo(format_markdown(HEADER, rows, caption_extractors(report)))
    else:
        print_figures(HEADER, rows)
    for name, links in missed.items():
        if missing:
            typer.echo(f"\n{name}: {len(links):,} links that ours does not show")
        for link in links[:missing]:
            typer.echo(f"  {link.wiki} {link.title}: {link.markup!r}")
    if json_out is not None:
        json_out.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    typer.run(main)
