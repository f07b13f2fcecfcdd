"""Measure reading of SQL tables, ours and mwsql, on the same files, in CPU time of one core.

    pip install '.[spark,peers]'
    python benchmarks/sql.py avwiki-20171202-langlinks.sql.gz --where ll_lang=en --repeat 3 --replicate 5 --markdown

Every reader reads a whole file from disk to its last row, including decompression. Ours returns Arrow record batches with typed
columns; mwsql returns lists of str, and numbers on request. For `--where`, ours has a built-in filter, and the rows of mwsql are
filtered in Python. The readers take turns, in a rotating order; the time of a reader is the smallest `time.process_time` of its
repeats. Machines differ and are noisy: compare the ratios, not the MB/s (of decompressed bytes).

First the rows of each reader are compared with those of `peers/slow_sql_reader.py`, which reads one character at a time. `lost`
counts rows of the table that a reader does not return, `wrong` counts rows that it returns and the table does not have. mwsql
returns NULL as the empty string, which counts as correct.
"""

import gc
import gzip
import json
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Annotated, Any

import typer
from measuring.machine import describe_machine, list_packages
from measuring.result_tables import format_markdown, print_figures
from peers.slow_sql_reader import read_slowly

from spark_jobs.dumps.compressed_files import open_decompressed
from spark_jobs.dumps.sql.insert_rows import SqlValue
from spark_jobs.dumps.sql.table_reader import read_table

PEER = "mwsql"
HEADER = ("", f"speed, {PEER} = 1", "MB/s", "rows", "lost", "wrong")

Condition = tuple[str, SqlValue] | None


@dataclass(frozen=True)
class MeasuredReader:
    """A reader of SQL files: `run` reads a file and returns the number of rows, `rows` yields them as tuples."""

    name: str
    baseline: str
    run: Callable[[Path, Condition], int]
    rows: Callable[[Path, Condition], Iterator[tuple[Any, ...]]]
    filtered: bool
    """Whether the reader gets the condition of `--where`."""


@dataclass
class ReaderFigures:
    """The figures of a reader for one file; `failure` is the error that stopped it."""

    seconds: float = float("inf")
    rows: int = 0
    lost: int = 0
    wrong: int = 0
    failure: str | None = None


def _where(condition: Condition) -> dict[str, list[SqlValue]] | None:
    return {condition[0]: [condition[1]]} if condition else None


def count_ours(path: Path, condition: Condition) -> int:
    """Returns the number of rows that our reader gives."""
    return sum(batch.num_rows for batch in read_table(path, where=_where(condition)))


def rows_of_ours(path: Path, condition: Condition) -> Iterator[tuple[Any, ...]]:
    """Yields the rows of our reader, each as a tuple of values."""
    for batch in read_table(path, where=_where(condition)):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def rows_of_mwsql(path: Path, condition: Condition, typed: bool = False) -> Iterator[list[Any]]:
    """Yields the rows of mwsql that meet the condition: strings, or with `typed` converted values."""
    from mwsql import Dump

    dump = Dump.from_file(path)
    if condition is None:
        return dump.rows(convert_dtypes=typed)
    column, value = dump.col_names.index(condition[0]), str(condition[1])
    return (row for row in dump.rows() if len(row) > column and row[column] == value)


def count_mwsql(path: Path, condition: Condition, typed: bool = False) -> int:
    """Returns the number of rows that mwsql gives."""
    counted = enumerate(rows_of_mwsql(path, condition, typed), 1)
    last = deque(counted, maxlen=1)
    return last[0][0] if last else 0


def decompress(path: Path, condition: Condition) -> int:  # noqa: ARG001
    """Decompresses the file and parses nothing: the least time that a reader can take. Returns 0."""
    with path.open("rb") as file:
        opened = open_decompressed(file, path.name)
        while opened.read(2**20):
            pass
    return 0


def make_readers(condition: Condition) -> list[MeasuredReader]:
    """Returns all readers, those with the condition only if there is one."""
    readers = [
        MeasuredReader("ours", PEER, count_ours, rows_of_ours, False),
        MeasuredReader(PEER, PEER, count_mwsql, lambda path, where: map(tuple, rows_of_mwsql(path, where)), False),
    ]
    if condition is not None:
        kept = f", {condition[0]} = {condition[1]}"
        readers += [MeasuredReader(one.name + kept, PEER + kept, one.run, one.rows, True) for one in readers]
    typed = MeasuredReader(
        f"{PEER}, numbers as numbers",
        PEER,
        lambda path, where: count_mwsql(path, where, True),
        lambda path, where: map(tuple, rows_of_mwsql(path, where, True)),
        False,
    )
    decompression = MeasuredReader("decompression alone", PEER, decompress, lambda path, where: iter(()), False)  # noqa: ARG005
    return [*readers[:2], typed, *readers[2:], decompression]


def normalize(rows: Iterable[Sequence[Any]], numeric: Sequence[bool]) -> Counter[tuple[str, ...]]:
    """Counts rows as text, so that readers can be compared: NULL as the empty string, numbers in one spelling.

    >>> normalize([(1, "a", None), ("01", "a", "")], [True, False, True])
    Counter({('1.0', 'a', ''): 2})
    """

    def text(value: Any, is_number: bool) -> str:
        if value is None or value == "":
            return ""
        try:
            return repr(float(value)) if is_number else str(value)
        except ValueError:
            return str(value)

    columns = len(numeric)
    return Counter(
        tuple(text(value, numeric[index] if index < columns else False) for index, value in enumerate(row)) for row in rows
    )


def read_file(path: Path) -> bytes:
    """Returns the decompressed content of a file."""
    with path.open("rb") as file:
        return open_decompressed(file, path.name).read()


def check_readers(path: Path, readers: Sequence[MeasuredReader], condition: Condition) -> dict[str, ReaderFigures]:
    """Returns the rows that each reader returns, loses and gets wrong, without times."""
    schema = next((batch.schema for batch in read_table(path)), None)
    names = schema.names if schema is not None else []
    numeric = [str(kind) != "string" for kind in schema.types] if schema is not None else []
    truth = read_slowly(read_file(path))
    figures = {}
    for reader in readers:
        if reader.run is decompress:
            figures[reader.name] = ReaderFigures()
            continue
        expected = truth
        if reader.filtered and condition is not None:
            expected = [row for row in truth if row[names.index(condition[0])] == condition[1]]
        try:
            found = normalize(reader.rows(path, condition if reader.filtered else None), numeric)
        except Exception as error:
            figures[reader.name] = ReaderFigures(lost=len(expected), failure=repr(error))
            continue
        wanted = normalize(expected, numeric)
        figures[reader.name] = ReaderFigures(rows=found.total(), lost=(wanted - found).total(), wrong=(found - wanted).total())
    return figures


def measure_readers(
    path: Path, readers: Sequence[MeasuredReader], condition: Condition, repeat: int, figures: dict[str, ReaderFigures]
) -> None:
    """Sets the smallest CPU seconds of each reader that does not fail on the file."""
    running = [reader for reader in readers if figures[reader.name].failure is None]
    for turn in range(repeat):
        first = turn % len(running)
        for reader in [*running[first:], *running[:first]]:
            gc.collect()
            start = time.process_time()
            reader.run(path, condition if reader.filtered else None)
            figures[reader.name].seconds = min(figures[reader.name].seconds, time.process_time() - start)


def replicate_rows(path: Path, times: int, folder: Path) -> Path:
    """Writes a `.sql.gz` file into `folder` with the statements of the file and `times` copies of its rows. Returns its path."""
    data = read_file(path)
    begin = data.index(b"INSERT INTO")
    tail = data.find(b"\n/*!40000", begin) + 1  # mysqldump's ENABLE KEYS
    end = tail or len(data)
    copy = folder / f"{path.name.partition('.')[0]}.sql.gz"
    with gzip.open(copy, "wb", compresslevel=6) as file:
        file.write(data[:begin])
        for _ in range(times):
            file.write(data[begin:end])
        file.write(data[end:])
    return copy


def parse_condition(text: str, path: Path) -> Condition:
    """Parses `COLUMN=VALUE` for a file. Returns None if the file does not have the column."""
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"--where {text!r}: expected COLUMN=VALUE, such as ll_lang=en")
    schema = next((batch.schema for batch in read_table(path)), None)
    if schema is None or name not in schema.names:
        return None
    kind = str(schema.field(name).type)
    return name, value if kind == "string" else float(value) if kind == "double" else int(value)


def reader_rows(readers: Sequence[MeasuredReader], figures: dict[str, ReaderFigures], megabytes: float) -> list[tuple[str, ...]]:
    """Returns a row for each reader, with the columns `HEADER`."""
    rows = []
    for reader in readers:
        own = figures[reader.name]
        if own.failure is not None:
            rows.append((reader.name, "", "", own.failure, f"{own.lost:,}", ""))
            continue
        counts = ("", "", "") if reader.run is decompress else (f"{own.rows:,}", f"{own.lost:,}", f"{own.wrong:,}")
        rows.append((reader.name, format_speed(figures, reader), f"{megabytes / own.seconds:.1f}", *counts))
    return rows


def format_speed(figures: dict[str, ReaderFigures], reader: MeasuredReader) -> str:
    """Returns the speed of a reader, baseline = 1; empty if the baseline failed."""
    baseline = figures[reader.baseline]
    return f"{baseline.seconds / figures[reader.name].seconds:.1f}" if baseline.failure is None else ""


def main(
    paths: Annotated[list[Path], typer.Argument(help="Table dumps (.sql, .sql.gz).", exists=True, dir_okay=False)],
    where: Annotated[str, typer.Option(help="COLUMN=VALUE of the rows to keep, for files with this column.")] = "ll_lang=en",
    repeat: Annotated[int, typer.Option(help="Number of times that each reader reads each file; the fastest counts.", min=1)] = 3,
    times: Annotated[int, typer.Option("--replicate", help="Measure on a file with this many copies of the rows.", min=1)] = 1,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the figures and the machine to this file.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the tables as Markdown.")] = False,
) -> None:
    """Measures all readers on the same files, and prints their speed and the rows that they lose or get wrong."""
    try:
        machine = describe_machine((PEER, "pyarrow"))
    except PackageNotFoundError as error:
        raise typer.BadParameter(f"{error.name} is not installed: pip install '.[peers]'") from error
    report: dict[str, Any] = {"machine": machine, "repeat": repeat, "replicate": times, "files": {}}
    for path in paths:
        condition = parse_condition(where, path)
        readers = make_readers(condition)
        figures = check_readers(path, readers, condition)
        with tempfile.TemporaryDirectory() as folder:
            measured = replicate_rows(path, times, Path(folder)) if times > 1 else path
            megabytes = len(read_file(measured)) / 1e6
            measure_readers(measured, readers, condition, repeat, figures)
        rows = reader_rows(readers, figures, megabytes)
        copies = f", its rows {times} times (counts are for one copy)" if times > 1 else ""
        caption = (
            f"{path.name}{copies}, {megabytes:.1f} MB of SQL, best of {repeat}; {machine['processor']}, one core, "
            f"{machine['python']}; {list_packages(machine)}."
        )
        report["files"][path.name] = {
            "megabytes": round(megabytes, 3),
            "tools": {
                name: {**asdict(own), "megabytes_per_second": round(megabytes / own.seconds, 3)} for name, own in figures.items()
            },
        }
        if markdown:
            typer.echo(format_markdown(HEADER, rows, caption) + "\n")
        else:
            print_figures(HEADER, rows, caption)
    if json_out is not None:
        json_out.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    typer.run(main)
