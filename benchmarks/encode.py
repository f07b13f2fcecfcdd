"""Measure tokenizing with entity spans, relative to the tokenizer alone, in CPU time of one process, on real articles.

    python -m spark_jobs.build --config conf/corpus/demo.yaml --set output_dir=build/demo/corpus
    python benchmarks/encode.py build/demo/corpus --repeat 3 --markdown --json figures.json

The argument is a built corpus, whose table `augmented` is read. For each tokenizer and wiki, three parts process the same
articles:

    tokenizer.encode    the library alone, on every text and once on every name; its ids and offsets are not read
    encode_article      ids, entity spans and name tokens, by `overlap` and by `exact`
    Parquet to Arrow    everything that a Spark task of the stage does, from its input file to its rows, by `overlap`

The parts take turns, and the time of a part is the smallest `time.process_time` of its repeats. MB are UTF-8 bytes of text.
Machines differ and are noisy: compare the ratios, not the MB/s. `--all-links` makes every link an entity, named by its target:
more names than a real wiki has. The second table is tokenizer.encode on the same text, cut into articles of different sizes.
"""

import gc
import importlib.resources
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from inputs.tekken_tokenizer import read_tekken
from measuring.machine import describe_machine, list_packages
from measuring.result_tables import format_markdown, print_figures
from tokenizers import Tokenizer

from spark_jobs.contract.table_schemas import AUGMENTED
from spark_jobs.tokens.article_encoder import ArticleEncoder, Entity
from spark_jobs.tokens.encoded_columns import encode_file, select_pivot_entities
from spark_jobs.tokens.tokenizer_loading import load_tokenizer_source
from spark_jobs.tokens.tokenizer_source import TokenizerSource

BASELINE = "tokenizer.encode"
PACKAGE = "package:mistral_common/data/"
DEFAULTS = {"32,000": f"{PACKAGE}tokenizer.model.v1", "131,072": f"{PACKAGE}tekken_240911.json"}
HEADER = ("", "time, tokenizer.encode = 1", "MB/s")
SIZES = (10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class WikiSample:
    """Articles of one wiki, in a Parquet file and in memory."""

    wiki: str
    path: Path
    articles: list[tuple[str, list[Entity]]]
    megabytes: float


@dataclass
class PartFigures:
    """One row of a table: CPU seconds of a part for `megabytes` of text."""

    tokenizer: str
    wiki: str
    part: str
    megabytes: float
    seconds: float = float("inf")


def read_samples(corpus: Path, folder: Path, pivot: str, megabytes: float, all_links: bool) -> Iterator[WikiSample]:
    """Yields the first articles of each wiki in `augmented`, at least `megabytes` of text if the wiki has so much."""
    for wiki in sorted(corpus.glob("augmented/wiki=*")):
        tables, size = [], 0.0
        for shard in sorted(wiki.glob("*.parquet")):
            for batch in pq.ParquetFile(shard).iter_batches(20):
                if size < megabytes:
                    tables.append(batch)
                    size += sum(len(text.encode()) for text in batch.column("text").to_pylist()) / 1e6
        table = pa.Table.from_batches(tables, AUGMENTED.schema)
        if all_links:
            table = name_all_links(table, pivot)
        path = folder / f"{wiki.name}.parquet"
        pq.write_table(table, path)
        entities = select_pivot_entities(table.column("entities").combine_chunks(), pivot)
        articles = list(zip(table.column("text").to_pylist(), entities, strict=True))
        yield WikiSample(wiki.name.removeprefix("wiki="), path, articles, size)


def name_all_links(table: pa.Table, pivot: str) -> pa.Table:
    """Returns `augmented` with every link that has a target as an entity, named by the target."""
    entities = [
        [
            {
                "start": link["start"],
                "end": link["end"],
                "target_page_id": None,
                "names": [{"language": pivot, "name": link["target"], "source": "link"}],
            }
            for link in links
            if link["target"]
        ]
        for links in table.column("links").to_pylist()
    ]
    field = AUGMENTED.schema.field("entities")
    return table.set_column(table.schema.get_field_index("entities"), field, pa.array(entities, field.type))


def make_parts(sample: WikiSample, tokenizer: Tokenizer, pivot: str) -> dict[str, Callable[[], None]]:
    """Returns the functions to measure, by the name of the part."""
    names = sorted({entity.name for _, entities in sample.articles for entity in entities})

    def library_alone() -> None:
        for text, _ in sample.articles:
            tokenizer.encode(text, add_special_tokens=False)
        for name in names:
            tokenizer.encode(name, add_special_tokens=False)

    def encode_articles(encoder: ArticleEncoder) -> None:
        for text, entities in sample.articles:
            encoder.encode(text, entities)

    def encode_shard() -> None:
        for _ in encode_file(sample.path, ArticleEncoder(tokenizer), pivot):
            pass

    return {
        BASELINE: library_alone,
        "encode_article, overlap": lambda: encode_articles(ArticleEncoder(tokenizer, "overlap")),
        "encode_article, exact": lambda: encode_articles(ArticleEncoder(tokenizer, "exact")),
        "Parquet to Arrow": encode_shard,
    }


def make_sizes(sample: WikiSample, tokenizer: Tokenizer) -> dict[str, Callable[[], None]]:
    """Returns functions that run tokenizer.encode on the same megabyte as 1, 10 and 100 articles, or on a smaller sample."""
    data = "\n".join(text for text, _ in sample.articles).encode()[: max(SIZES)]

    def cut(size: int) -> Callable[[], None]:
        pieces = [data[start : start + size].decode(errors="ignore") for start in range(0, len(data), size)]

        def encode() -> None:
            for piece in pieces:
                tokenizer.encode(piece, add_special_tokens=False)

        return encode

    return {f"articles of {size // 1000:,} kB": cut(size) for size in SIZES}


def measure_parts(parts: dict[str, Callable[[], None]], repeat: int) -> dict[str, float]:
    """Returns the smallest CPU seconds of each part; the parts take turns."""
    seconds = dict.fromkeys(parts, float("inf"))
    for turn in range(-1, repeat):  # the first turn warms up
        for name, part in parts.items():
            gc.collect()
            start = time.process_time()
            part()
            if turn >= 0:
                seconds[name] = min(seconds[name], time.process_time() - start)
    return seconds


def open_tokenizer(spec: str, name: str) -> Tokenizer:
    """Returns the tokenizer of an `encode.tokenizer` setting, or of a tekken file."""
    path = Path(spec)
    if spec.startswith("package:"):
        package, _, inner = spec.removeprefix("package:").partition("/")
        path = Path(str(importlib.resources.files(package).joinpath(inner)))
    if path.name.startswith("tekken"):
        return TokenizerSource(name, read_tekken(path).to_str(), "{}").load()
    return load_tokenizer_source(spec, name).load()


def part_rows(figures: Sequence[PartFigures], baseline: str) -> list[tuple[str, ...]]:
    """Returns rows with the columns `HEADER`; ratios are relative to the part `baseline` of the same tokenizer and wiki."""
    alone = {(own.tokenizer, own.wiki): own.seconds / own.megabytes for own in figures if own.part == baseline}
    return [
        (
            f"{own.tokenizer} ids, {own.wiki}: {own.part}",
            f"{own.seconds / own.megabytes / alone[own.tokenizer, own.wiki]:.2f}",
            f"{own.megabytes / own.seconds:.2f}",
        )
        for own in figures
    ]


def main(
    corpus: Annotated[Path, typer.Argument(help="A built corpus; its table `augmented` is read.", exists=True, file_okay=False)],
    tokenizer: Annotated[
        list[str] | None,
        typer.Option(help="A value of encode.tokenizer, or a tekken file. Default: two with 32,000 and 131,072 ids."),
    ] = None,
    pivot: Annotated[str, typer.Option(help="Language of the names.")] = "en",
    megabytes: Annotated[
        float, typer.Option(help="MB of text of each wiki, rounded up to a batch of articles.", min=0.001)
    ] = 5.0,
    all_links: Annotated[bool, typer.Option("--all-links", help="Make every link an entity.")] = False,
    repeat: Annotated[int, typer.Option(help="Runs of each part; the fastest counts.", min=1)] = 3,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the figures and the machine to this file.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the tables as Markdown.")] = False,
) -> None:
    """Measures `encode` relative to the tokenizer alone."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # as in a task
    specs = dict(DEFAULTS)
    if tokenizer:
        specs = {f"{open_tokenizer(spec, 'x').get_vocab_size():,}": spec for spec in tokenizer}
    by_part: list[PartFigures] = []
    by_size: list[PartFigures] = []
    with tempfile.TemporaryDirectory() as folder:
        samples = list(read_samples(corpus, Path(folder), pivot, megabytes, all_links))
        if not any(sample.articles for sample in samples):
            raise typer.BadParameter(f"{corpus}/augmented does not have articles; build a corpus first, and give its output_dir")
        for name, spec in specs.items():
            loaded = open_tokenizer(spec, "own")
            for sample in samples:
                for part, seconds in measure_parts(make_parts(sample, loaded, pivot), repeat).items():
                    by_part.append(PartFigures(name, sample.wiki, part, sample.megabytes, seconds))
                for part, seconds in measure_parts(make_sizes(sample, loaded), repeat).items():
                    by_size.append(PartFigures(name, sample.wiki, part, min(1.0, sample.megabytes), seconds))
    report: dict[str, Any] = {
        "machine": describe_machine(["tokenizers", "pyarrow"]),
        "repeat": repeat,
        "all_links": all_links,
        "sample": {
            sample.wiki: {
                "articles": len(sample.articles),
                "megabytes": round(sample.megabytes, 3),
                "entities": sum(len(entities) for _, entities in sample.articles),
            }
            for sample in samples
        },
        "parts": [asdict(own) for own in by_part],
        "sizes": [asdict(own) for own in by_size],
    }
    print_encoding_report(report, by_part, by_size, markdown)
    if json_out is not None:
        json_out.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


def print_encoding_report(
    report: dict[str, Any], by_part: Sequence[PartFigures], by_size: Sequence[PartFigures], markdown: bool
) -> None:
    """Prints both tables, with the sample and the machine as caption."""
    machine = report["machine"]
    wikis = "; ".join(
        f"{wiki}: {own['articles']:,} articles, {own['megabytes']:.1f} MB of text, {own['entities']:,} entities"
        for wiki, own in report["sample"].items()
    )
    caption = (
        f"{wikis}; best of {report['repeat']}; {machine['processor']}, one core, {machine['python']}; {list_packages(machine)}."
    )
    smallest = f"articles of {min(SIZES) // 1000:,} kB"
    tables = [
        (HEADER, part_rows(by_part, BASELINE)),
        (("", f"time, {smallest} = 1", "MB/s"), part_rows(by_size, smallest)),
    ]
    for header, rows in tables:
        if markdown:
            typer.echo(format_markdown(header, rows, caption) + "\n")
        else:
            print_figures(header, rows, caption)


if __name__ == "__main__":
    typer.run(main)
