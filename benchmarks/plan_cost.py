"""What the plan of a large corpus costs: seconds and memory, cold from Parquet and from the cache of the machine.

    python benchmarks/plan_cost.py --documents 10000000 --links-a-document 20 --markdown

Writes the narrow columns of so many synthetic documents as `encoded` shards (the id columns are empty: a plan reads none), then
makes a plan for batches of 2,048 sequences in 64 lanes in a fresh process, twice: cold, and with what the first one left in the
cache. Seconds are from opening the corpus to knowing where sequence 1,000,000 lies. Of memory, `anonymous` is the peak that
the plan took of its own; mapped files come on top and can be taken back by the kernel.
"""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path
from typing import Annotated

import typer
from inputs.synthetic_corpus import make_corpus
from measuring.machine import describe_machine

HEADER = ("", "seconds", "open and check", "narrow columns", "lay out epoch 0", "anonymous MB", "resident MB")
DOCUMENTS_IN_SHARD = 250_000


class Watch(threading.Thread):
    """Peaks of this process's memory, looked at a hundred times a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.anonymous = self.resident = 0

    def run(self) -> None:
        """Look for ever."""
        while True:
            lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
            self.anonymous = max(self.anonymous, int(lines["RssAnon"].split()[0]) * 1024)
            self.resident = max(self.resident, int(lines["VmRSS"].split()[0]) * 1024)
            time.sleep(0.01)


def plan(corpus: Path) -> dict[str, float]:
    """Make a plan in this process."""
    from training.config import DataSettings
    from training.data import encoded_corpus as opening
    from training.stream.stream_plan import StreamRules
    from training.stream.token_stream import Stream

    spent = 0.0
    read = opening.narrow_columns

    def timed(*arguments: object) -> object:
        nonlocal spent
        began = time.perf_counter()
        columns = read(*arguments)  # type: ignore[arg-type]
        spent += time.perf_counter() - began
        return columns

    opening.narrow_columns = timed  # type: ignore[assignment]
    watch = Watch()
    before = (
        int(dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())["RssAnon"].split()[0]) * 1024
    )
    watch.start()
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
        "anonymous": watch.anonymous - before,
        "resident": watch.resident,
        "tokens": tokens,
        "lanes": stream.plan.wikis[0].lanes,
        "cache": sum(path.stat().st_size for path in (corpus / "cache").rglob("*") if path.is_file()),
    }


def main(
    documents: Annotated[int, typer.Option(help="Documents of the corpus.", min=64)] = 10_000_000,
    links_a_document: Annotated[int, typer.Option(help="Links of each.", min=0)] = 20,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the figures and the machine to this file.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table ready to be pasted.")] = False,
    plan_of: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure the plan of a large corpus."""
    if plan_of is not None:
        typer.echo(json.dumps(plan(plan_of)))
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
    one = figures["cold"]
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    caption = (
        f"{documents:,} documents, {documents * links_a_document:,} links, {one['tokens'] / 1e9:.2f} G tokens, "
        f"{one['lanes']} lanes; {one['cache'] / 1e6:,.0f} MB of cache. "
        f"{machine['processor']}, {machine['cores']} cores, {machine['python']}; {packages}."
    )
    if markdown:
        lines = [f"| {' | '.join(cells)} |" for cells in (HEADER, *rows)]
        lines.insert(1, "|---|" + "--:|" * (len(HEADER) - 1))
        typer.echo("\n".join([*lines, "", *textwrap.wrap(caption, 130)]))
    else:
        for row in rows:
            typer.echo("   ".join(f"{name or 'run'} {value}" for name, value in zip(HEADER, row, strict=True)))
        typer.echo(caption)
    if json_out is not None:
        json_out.write_text(json.dumps({"machine": machine, "documents": documents, "runs": figures}, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
