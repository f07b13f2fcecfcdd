"""Encoded shards to packed batches with names inserted: ours beside the original's loader and other streaming libraries.

    python benchmarks/stream.py --markdown --json figures.json
    python benchmarks/stream.py --markdown --peer-python build/peers/bin/python    # with mosaicml-streaming too

All read the same synthetic documents (log-normal lengths, a link every 45 tokens, 32,000 ids) and make the same: batches of 16
sequences of 2,048 tokens, a name after half of the links. Each runs in a process of its own; M tokens/s are by CPU time of one
process without workers. Waiting is measured with a worker (ours: a thread, the others: a process of torch's DataLoader) against a
consumer that takes so many tokens a second. To resume at 90 % of an epoch is to start from files and state alone; the original
replays, which is computed from its rate. Read amplification is bytes of row groups read by all ranks in an epoch, each rank from
an empty start, over the bytes of those row groups once. mosaicml-streaming pins older NumPy and transformers than training
needs, so it lives in an environment of its own:

    python -m venv build/peers && build/peers/bin/pip install mosaicml-streaming==0.13.0 pyarrow
"""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer
from inputs.synthetic_corpus import make_corpus
from measuring.machine import describe_machine
from peers.stream_loaders import ABOUT, CONSUMERS, LOADERS, Ours
from rich.console import Console
from rich.table import Table

HEADER = ("", "M tokens/s/core", "ours / it", "peak MB", "first batch s", "resume at 90 % s", "waits at 37 k/s", "waits at 1 M/s")
NAMES = {
    "ours": "ours",
    "ours, large": "ours, batches of 256 sequences",
    "original": "the original's loader",
    "original, vocab kept": "the same without its `.vocab` cost",
    "datasets": "datasets, streaming",
    "datasets, shuffled": "the same with a shuffle buffer of 1,000",
    "streaming": "mosaicml-streaming",
}
RANKS = (1, 2, 8)


def amplification(corpus: Path, ranks: int) -> float:
    """Bytes of row groups that all ranks read in an epoch, over the bytes of those row groups."""
    loader = Ours(corpus)
    wiki, plan = loader.stream.corpus.wikis[0], loader.stream.plan.wikis[0]
    rules = loader.stream.rules
    batches = int(plan.epoch(0).totals().min()) * plan.lanes // (rules.sequence_length * rules.global_batch_size)
    read: list[int] = []

    def note(group: int) -> Any:
        read.append(group)
        return type(wiki).read(wiki, group)

    for rank in range(ranks):
        share = Ours(corpus).stream
        object.__setattr__(share.corpus.wikis[0], "read", note)
        for number in range(batches):
            share.batch(number, rank, ranks)
    size = {group: row_group_bytes(wiki, group) for group in set(read)}
    return sum(size[group] for group in read) / sum(size.values())


def row_group_bytes(wiki: Any, group: int) -> int:
    """Compressed bytes of a row group."""
    file, number = wiki.row_groups[group]
    about = wiki.files[file].metadata.row_group(number)
    return sum(about.column(column).total_compressed_size for column in range(about.num_columns))


def run(loader: str, corpus: Path, seconds: float, python: str) -> dict[str, float]:
    """The figures of a loader, from a process of its own with one thread."""
    script = Path(__file__).parent / "peers/stream_loaders.py"
    one = dict.fromkeys(("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "TOKENIZERS_PARALLELISM"), "1")
    environment = {**os.environ, **one, "PYTHONPATH": str(script.parents[2]), "HF_HUB_OFFLINE": "1"}
    command = [python, str(script), loader, str(corpus), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise typer.BadParameter(f"{loader} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1]) if loader != "convert" else {}


def make_rows(figures: dict[str, dict[str, float]]) -> list[tuple[str, ...]]:
    """The table's cells, in the order of `HEADER`."""
    ours = figures["ours"]["rate"]
    rows = []
    for loader, own in figures.items():
        waits = (f"{own[f'wait_{consumer}']:.1%}" for consumer in CONSUMERS)
        rate, resume = f"{own['rate'] / 1e6:.3g}", f"{own['resume']:.2f}" if own["resume"] < 100 else f"{own['resume']:,.0f}"
        rows.append(
            (
                NAMES[loader],
                rate,
                f"{ours / own['rate']:,.1f}",
                f"{own['peak'] / 1e6:,.0f}",
                f"{own['first']:.2f}",
                resume,
                *waits,
            )
        )
    return rows


def make_caption(report: dict[str, Any]) -> str:
    """What was measured and on what."""
    machine, about = report["machine"], report["corpus"]
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    read = ", ".join(f"{value:.2f} at {ranks}" for ranks, value in report["amplification"].items()) + " ranks"
    return (
        f"{about['documents']:,} documents, {about['tokens'] / 1e6:.1f} M tokens an epoch; read amplification: {read}. "
        f"{machine['processor']}, {machine['python']}; {packages}."
    )


def main(
    documents: Annotated[int, typer.Option(help="Documents of the corpus.", min=64)] = 16_384,
    seconds: Annotated[float, typer.Option(help="Window of each measurement.", min=0.1)] = 8.0,
    loader: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(LOADERS)}. Default: all that can run.")] = None,
    peer_python: Annotated[Path | None, typer.Option(help="Python that has mosaicml-streaming.")] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the figures and the machine to this file.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table ready to be pasted.")] = False,
) -> None:
    """Measure loaders of packed, augmented batches side by side."""
    chosen = loader or [name for name in LOADERS if name != "streaming" or peer_python is not None]
    unknown = [name for name in chosen if name not in LOADERS]
    if unknown or "ours" not in chosen:
        raise typer.BadParameter(
            f"--loader: {', '.join(unknown) or 'ours'} is {'unknown' if unknown else 'missing'}: {', '.join(LOADERS)}"
        )
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        make_corpus(corpus, documents)
        tokens = int(Ours(corpus).stream.plan.wikis[0].epoch(0).begins[-1])
        about = {"documents": documents, "tokens": tokens}
        (corpus / ABOUT).write_text(json.dumps(about))
        if "streaming" in chosen:
            run("convert", corpus, 0, str(peer_python))
        figures = {}
        for name in chosen:
            typer.echo(f"{NAMES[name]} …", err=True)
            figures[name] = run(name, corpus, seconds, str(peer_python) if name == "streaming" else sys.executable)
        amplifications = {ranks: amplification(corpus, ranks) for ranks in RANKS}
    machine = describe_machine(["numpy", "pyarrow", "torch", "transformers", "datasets"])
    if "streaming" in chosen:
        show = "from importlib.metadata import version; print(version('mosaicml-streaming'))"
        machine["packages"]["mosaicml-streaming"] = subprocess.check_output([str(peer_python), "-c", show], text=True).strip()
    report = {"machine": machine, "corpus": about, "loaders": figures, "amplification": amplifications}
    rows, caption = make_rows(figures), make_caption(report)
    if markdown:
        lines = [f"| {' | '.join(cells)} |" for cells in (HEADER, *rows)]
        lines.insert(1, "|---|" + "--:|" * (len(HEADER) - 1))
        typer.echo("\n".join([*lines, "", *textwrap.wrap(caption, 130)]))
    else:
        grid = Table(*HEADER, caption=caption)
        for row in rows:
            grid.add_row(*row)
        Console().print(grid)
    if json_out is not None:
        json_out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
