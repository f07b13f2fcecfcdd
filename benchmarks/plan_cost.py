"""Measure the plan of a large corpus: seconds and memory, from Parquet and from the cache.

    python benchmarks/plan_cost.py --documents 10000000 --links-a-document 20 --markdown

Writes synthetic documents as `encoded` shards with empty id columns, because a plan does not read ids. Then makes a plan for
batches of 2,048 sequences in 64 lanes, twice, each time in a new process: without a cache, and with the cache of the first run.
Seconds are from opening the corpus to the position of sequence 1,000,000. `anonymous` is the peak of anonymous memory above
that before the plan; `resident` also has mapped files, which the kernel can take back.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from inputs.synthetic_corpus import make_corpus
from measuring.machine import describe_machine, list_packages
from measuring.memory_peak import MemoryPeak, read_memory
from measuring.result_tables import format_markdown

HEADER = ("", "seconds", "open and check", "narrow columns", "lay out epoch 0", "anonymous MB", "resident MB")
DOCUMENTS_IN_SHARD = 250_000


def measure_plan(corpus: Path) -> dict[str, float]:
    """Makes a plan in this process. Returns its seconds, its bytes of memory and of cache, and its tokens and lanes."""
    from training.config import DataSettings
    from training.data import encoded_corpus as opening
    from training.stream.stream_rules import StreamRules
    from training.stream.token_stream import Stream

    spent = 0.0
    read = opening.read_narrow_columns

    def timed(*arguments: object) -> object:
        nonlocal spent
        began = time.perf_counter()
        columns = read(*arguments)  # type: ignore[arg-type]
        spent += time.perf_counter() - began
        return columns

    opening.read_narrow_columns = timed  # type: ignore[assignment]
    peak = MemoryPeak()
    before = read_memory()["RssAnon"]
    peak.start()
    began = time.perf_counter()
    settings = DataSettings(corpus=str(corpus), tokenizer="mistral", wikis=("jawiki",), cache=corpus / "cache")
    opened = opening.open_corpus(settings)
    open_seconds = time.perf_counter() - began
    rules = StreamRules(
        seed=42,
        sequence_length=2048,
        global_batch_size=2048,
        slots=64,
        shuffle_window=2,
        strategy="right",
        probability=0.5,
        tags=(32_000, 32_001),
        bos=1,
        eos=None,
        predict_names=True,
    )
    stream = Stream(opened, rules, settings.cache)
    tokens = int(stream.plan.wikis[0].epoch(0).begins[-1])
    stream.plan.sequence(min(10**6, tokens // 2048 - 1))
    total = time.perf_counter() - began
    return {
        "seconds": total,
        "open": open_seconds - spent,
        "columns": spent,
        "layout": total - open_seconds,
        "anonymous": peak.anonymous - before,
        "resident": peak.resident,
        "tokens": tokens,
        "lanes": stream.plan.wikis[0].lanes,
        "cache": sum(path.stat().st_size for path in (corpus / "cache").rglob("*") if path.is_file()),
    }


def main(
    documents: Annotated[int, typer.Option(help="Documents of the corpus.", min=64)] = 10_000_000,
    links_a_document: Annotated[int, typer.Option(help="Links of each document.", min=0)] = 20,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the figures and the machine to this file.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
    plan_of: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measures the plan of a large corpus."""
    if plan_of is not None:
        typer.echo(json.dumps(measure_plan(plan_of)))
        return
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        make_corpus(corpus, documents, max(1, documents // DOCUMENTS_IN_SHARD), tokens=False, links=links_a_document)
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        command = [sys.executable, __file__, "--plan-of", str(corpus)]
        runs = ("cold", "from the cache")
        figures = {run: json.loads(subprocess.check_output(command, env=environment, text=True)) for run in runs}
    machine = describe_machine(["numpy", "pyarrow"])
    rows = [
        (
            run,
            *(f"{own[name]:.2f}" for name in ("seconds", "open", "columns", "layout")),
            *(f"{own[name] / 1e6:,.0f}" for name in ("anonymous", "resident")),
        )
        for run, own in figures.items()
    ]
    first = figures["cold"]
    caption = (
        f"{documents:,} documents, {documents * links_a_document:,} links, {first['tokens'] / 1e9:.2f} G tokens, "
        f"{first['lanes']} lanes; {first['cache'] / 1e6:,.0f} MB of cache. "
        f"{machine['processor']}, {machine['cores']} cores, {machine['python']}; {list_packages(machine)}."
    )
    if markdown:
        typer.echo(format_markdown(HEADER, rows, caption))
    else:
        for row in rows:
            typer.echo("   ".join(f"{name or 'run'} {value}" for name, value in zip(HEADER, row, strict=True)))
        typer.echo(caption)
    if json_out is not None:
        json_out.write_text(json.dumps({"machine": machine, "documents": documents, "runs": figures}, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
