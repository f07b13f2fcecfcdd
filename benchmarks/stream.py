"""Measure packed batches with inserted names from encoded shards: ours, the original loader, and other streaming libraries.

    python benchmarks/stream.py --markdown --json figures.json
    python benchmarks/stream.py --markdown --peer-python build/peers/bin/python    # with mosaicml-streaming too

All loaders read the same synthetic documents (log-normal lengths, a link every 45 tokens, 32,000 ids) and make the same
batches: 16 sequences of 2,048 tokens, with a name after half of the links. Each loader runs in a separate process.

- M tokens/s: by CPU time of one process without workers.
- waits: with one worker (ours: a thread, the others: a process of torch's DataLoader), the share of time that a consumer with the
  given rate of tokens a second waits.
- resume: seconds to the batch at 90 % of an epoch, from files and a saved state only. The original replays all batches before it,
  which is computed from its rate.
- read amplification: bytes of row groups that all ranks read in an epoch, each without a cache, over the bytes of these groups.

mosaicml-streaming pins older versions of NumPy and transformers than training needs, so it needs a separate environment:

    python -m venv build/peers && build/peers/bin/pip install mosaicml-streaming==0.13.0 pyarrow
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from inputs.synthetic_corpus import make_corpus
from measuring.machine import describe_machine, list_packages
from measuring.result_tables import format_markdown, print_figures
from peers.stream_loaders import ABOUT, CONSUMERS, LOADERS, OurLoader

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


def read_amplification(corpus: Path, ranks: int) -> float:
    """Returns the bytes of row groups that all ranks read in an epoch, over the bytes of these row groups."""
    loader = OurLoader(corpus)
    wiki, plan = loader.stream.corpus.wikis[0], loader.stream.plan.wikis[0]
    rules = loader.stream.rules
    batches = int(plan.epoch(0).totals().min()) * plan.lanes // (rules.sequence_length * rules.global_batch_size)
    read: list[int] = []

    def record_read(group: int) -> Any:
        read.append(group)
        return type(wiki).read(wiki, group)

    for rank in range(ranks):
        stream_of_rank = OurLoader(corpus).stream
        object.__setattr__(stream_of_rank.corpus.wikis[0], "read", record_read)
        for number in range(batches):
            stream_of_rank.batch(number, rank, ranks)
    size = {group: row_group_bytes(wiki, group) for group in set(read)}
    return sum(size[group] for group in read) / sum(size.values())


def row_group_bytes(wiki: Any, group: int) -> int:
    """Returns the compressed bytes of a row group."""
    file, number = wiki.row_groups[group]
    metadata = wiki.files[file].metadata.row_group(number)
    return sum(metadata.column(column).total_compressed_size for column in range(metadata.num_columns))


def run_loader(loader: str, corpus: Path, seconds: float, python: str) -> dict[str, float]:
    """Runs a loader in a new process with one thread. Returns its figures."""
    script = Path(__file__).parent / "peers/stream_loaders.py"
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "TOKENIZERS_PARALLELISM"), "1")
    environment = {**os.environ, **one_thread, "PYTHONPATH": str(script.parents[2]), "HF_HUB_OFFLINE": "1"}
    command = [python, str(script), loader, str(corpus), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise typer.BadParameter(f"{loader} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1]) if loader != "convert" else {}


def loader_rows(figures: dict[str, dict[str, float]]) -> list[tuple[str, ...]]:
    """Returns a row for each loader, with the columns `HEADER`."""
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


def caption_loaders(report: dict[str, Any]) -> str:
    """Returns a caption with the corpus, the read amplification and the machine."""
    machine, about = report["machine"], report["corpus"]
    amplifications = ", ".join(f"{value:.2f} at {ranks}" for ranks, value in report["amplification"].items()) + " ranks"
    return (
        f"{about['documents']:,} documents, {about['tokens'] / 1e6:.1f} M tokens an epoch; read amplification: {amplifications}. "
        f"{machine['processor']}, {machine['python']}; {list_packages(machine)}."
    )


def main(
    documents: Annotated[int, typer.Option(help="Documents of the corpus.", min=64)] = 16_384,
    seconds: Annotated[float, typer.Option(help="Duration of each measurement.", min=0.1)] = 8.0,
    loader: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(LOADERS)}; repeatable. Default: all that can run.")
    ] = None,
    peer_python: Annotated[Path | None, typer.Option(help="A Python with mosaicml-streaming.")] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the figures and the machine to this file.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
) -> None:
    """Measures loaders of packed batches with inserted names."""
    chosen = loader or [name for name in LOADERS if name != "streaming" or peer_python is not None]
    unknown = [name for name in chosen if name not in LOADERS]
    if unknown or "ours" not in chosen:
        wrong = f"{', '.join(unknown)} is not a loader" if unknown else "ours is missing, and all ratios need it"
        raise typer.BadParameter(f"--loader: {wrong}; choose from {', '.join(LOADERS)}")
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        make_corpus(corpus, documents)
        tokens = int(OurLoader(corpus).stream.plan.wikis[0].epoch(0).begins[-1])
        about = {"documents": documents, "tokens": tokens}
        (corpus / ABOUT).write_text(json.dumps(about))
        if "streaming" in chosen:
            run_loader("convert", corpus, 0, str(peer_python))
        figures = {}
        for name in chosen:
            typer.echo(f"{NAMES[name]} …", err=True)
            figures[name] = run_loader(name, corpus, seconds, str(peer_python) if name == "streaming" else sys.executable)
        amplifications = {ranks: read_amplification(corpus, ranks) for ranks in RANKS}
    machine = describe_machine(["numpy", "pyarrow", "torch", "transformers", "datasets"])
    if "streaming" in chosen:
        code = "from importlib.metadata import version; print(version('mosaicml-streaming'))"
        machine["packages"]["mosaicml-streaming"] = subprocess.check_output([str(peer_python), "-c", code], text=True).strip()
    report = {"machine": machine, "corpus": about, "loaders": figures, "amplification": amplifications}
    rows, caption = loader_rows(figures), caption_loaders(report)
    if markdown:
        typer.echo(format_markdown(HEADER, rows, caption))
    else:
        print_figures(HEADER, rows, caption)
    if json_out is not None:
        json_out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
