"""Wikitext to text and links: ours beside three peers, on the same real pages, in one run, in CPU time of one core.

    pip install '.[spark,peers]'
    python benchmarks/wikitext.py PATH... --repeat 3 --markdown --json figures.json

PATH is a dump (`*-pages-articles*.xml*`) or a folder of them. What each tool is asked to do and what counts as a link, the same
for all, stands in `peers/wikitext_extractors.py`. In short: links that a reader sees in the tool's own text.

Page by page every tool has its turn, in an order that rotates, so that a busy machine is busy for all of them. A tool's time on a
page is the least `time.process_time` of its repeats; what it needs once (imports, profiles, compiled patterns) is done before.
A page on which a tool fails, or is not done after `--timeout` seconds, counts with its size and the time it took, and gives
nothing. Machines differ and are noisy: read the ratios, not the MB/s.
"""

import gc
import json
import signal
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NamedTuple

import typer
from inputs.sampled_articles import Article, find_dumps, read_articles
from measuring.machine import describe_machine
from peers.wikitext_extractors import BASELINE, OURS, PACKAGES, TOOLS, Reading, Tool
from rich.console import Console
from rich.progress import track
from rich.table import Table

from spark_jobs.wikis import WikiProfile, load_profile

HEADER = ("", f"speed, {BASELINE} = 1", "MB/s", "links a reader sees", "links reported", "characters", "failures")


class PageTimeoutError(BaseException):
    """A tool was not done with a page in time. No Exception, so that no tool catches it."""


@dataclass
class Total:
    """What one tool did on all pages; the figures of one row."""

    seconds: float = 0.0
    links: int = 0
    reported: int = 0
    characters: int = 0
    failures: int = 0
    timeouts: int = 0
    failed: list[str] = field(default_factory=list)
    """`wiki: title: reason` of each page that failed."""


class Missing(NamedTuple):
    """A link that a peer shows on a page and ours does not."""

    wiki: str
    title: str
    markup: str


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises PageTimeoutError in the block after `seconds`; in C code not before it returns. Main thread only.

    By the clock on the wall: a timer of CPU time would make Linux count CPU time in ticks of milliseconds.
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


def measure_page(tool: Tool, wikitext: str, profile: WikiProfile, timeout: float) -> tuple[float, Reading | Exception | None]:
    """CPU seconds of one tool on one page, and what it found: None when it was not done in time, the exception when it failed."""
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


def measure(
    articles: Iterable[Article], tools: Sequence[Tool], repeat: int = 1, timeout: float = 60.0
) -> tuple[dict[str, Total], dict[str, list[Missing]]]:
    """Every tool on every page, in turn: the totals by tool, and by peer the links that it shows and ours does not."""
    totals = {tool.name: Total() for tool in tools}
    missing: dict[str, list[Missing]] = {tool.name: [] for tool in tools if tool.name != OURS}
    for number, article in enumerate(articles):
        profile = load_profile(article.wiki)
        seconds = dict.fromkeys(totals, float("inf"))
        readings: dict[str, Reading] = {}
        outcomes: dict[str, Reading | Exception | None] = {}
        for turn in range(repeat):
            first = (number + turn) % len(tools)
            for tool in [*tools[first:], *tools[:first]]:
                spent, outcomes[tool.name] = measure_page(tool, article.wikitext, profile, timeout)
                seconds[tool.name] = min(seconds[tool.name], spent)
        for name, outcome in outcomes.items():
            total = totals[name]
            total.seconds += seconds[name]
            if isinstance(outcome, Reading):
                readings[name] = outcome
                total.links += len(outcome.links)
                total.reported += outcome.reported
                total.characters += outcome.characters
                continue
            reason = "timeout" if outcome is None else repr(outcome)
            total.failed.append(f"{article.wiki}: {article.title}: {reason}")
            total.timeouts += outcome is None
            total.failures += outcome is not None
        for name in missing.keys() & readings.keys():
            missing[name] += find_missing(article, readings.get(OURS), readings[name])
    return totals, missing


def find_missing(article: Article, ours: Reading | None, peer: Reading) -> list[Missing]:
    """The links of `peer` that ours has not, or not as often."""
    left = Counter(link.target for link in ours.links) if ours else Counter()
    found = []
    for link in peer.links:
        if left[link.target]:
            left[link.target] -= 1
        else:
            found.append(Missing(article.wiki, article.title, link.markup))
    return found


def make_rows(totals: dict[str, Total], megabytes: float) -> list[tuple[str, ...]]:
    """The table's cells, by tool, in the order of `HEADER`."""
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


def make_markdown(rows: Sequence[tuple[str, ...]], report: dict[str, Any]) -> str:
    """The table and the sentence below it, as they stand in README.md."""
    machine, sample = report["machine"], report["sample"]
    lines = [f"| {' | '.join(cells)} |" for cells in (HEADER, *rows)]
    lines.insert(1, "|---|" + "--:|" * (len(HEADER) - 1))
    wikis = ", ".join(f"{wiki} {number}" for wiki, number in sample["articles"].items())
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    caption = (
        f"{sum(sample['articles'].values()):,} articles ({wikis}), {sample['megabytes']:.1f} MB of wikitext, best of "
        f"{report['repeat']}; {machine['processor']}, one core, {machine['python']}; {packages}."
    )
    return "\n".join([*lines, "", *textwrap.wrap(caption, 130)])


def main(
    paths: Annotated[list[Path], typer.Argument(help="Dumps (*-pages-articles*.xml*) and folders of dumps.", exists=True)],
    pages: Annotated[int, typer.Option(help="Articles of each wiki, at most.", min=1)] = 150,
    repeat: Annotated[int, typer.Option(help="Times that each tool does each page; the fastest counts.", min=1)] = 1,
    timeout: Annotated[float, typer.Option(help="Seconds that a tool may take for a page.", min=0.001)] = 60.0,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the figures and the machine to this file.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table ready to be pasted.")] = False,
    missing: Annotated[int, typer.Option(help="List up to so many links of each peer that ours does not show.", min=0)] = 0,
) -> None:
    """Measure all tools on the same pages and print how fast they are and what they find."""
    articles = read_articles(find_dumps(paths), pages)
    if not articles:
        raise typer.BadParameter(f"no article in *-pages-articles*.xml* of {', '.join(map(str, paths))}")
    try:
        tools = [make() for make in TOOLS.values()]
    except ImportError as error:
        raise typer.BadParameter(f"{error.name} is not installed: pip install '.[peers]'") from error
    by_wiki = Counter(article.wiki for article in articles)
    megabytes = sum(len(article.wikitext.encode()) for article in articles) / 1e6
    first_of_wiki = {article.wiki: article for article in reversed(articles)}
    measure(first_of_wiki.values(), tools, timeout=timeout)
    gc.freeze()  # what a collection of garbage must look through does not grow with the tools that are loaded
    totals, missed = measure(
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
    rows = make_rows(totals, megabytes)
    if markdown:
        typer.echo(make_markdown(rows, report))
    else:
        grid = Table(*HEADER)
        for row in rows:
            grid.add_row(*row)
        Console().print(grid)
    for name, links in missed.items():
        if missing:
            typer.echo(f"\n{name}: {len(links):,} links that ours does not show")
        for link in links[:missing]:
            typer.echo(f"  {link.wiki} {link.title}: {link.markup!r}")
    if json_out is not None:
        json_out.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    typer.run(main)
