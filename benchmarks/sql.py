"""Rows of SQL tables: ours beside mwsql, on the same files, in one run, in CPU time of one core.

    pip install '.[spark,peers]'
    python benchmarks/sql.py avwiki-20171202-langlinks.sql.gz --where ll_lang=en --repeat 3 --replicate 5 --markdown

Every tool reads a whole file from disk, decompression included, to its last row: ours gives Arrow record batches with typed
columns, mwsql lists of str, or with numbers if it is told to. A tool that keeps the rows of `--where` does so in its own way:
ours has it built in, mwsql's are picked from what it gives. The tools take turns, in an order that rotates, and the least
`time.process_time` of a tool's repeats counts. Machines differ and are noisy: read the ratios, not the MB/s (of decompressed
bytes).

Before that, each tool's rows are held against those of `sql_truth.py`, which reads one character after the other. `lost` are the
rows of the table that a tool does not give, `wrong` the rows that it gives and the table has not. mwsql has no NULL: the empty
string that it gives for it counts as right.
"""

import gc
import gzip
import json
import tempfile
import textwrap
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Annotated, Any

import typer
from measuring.machine import describe_machine
from peers.slow_sql_reader import read_slowly
from rich.console import Console
from rich.table import Table

from spark_jobs.dumps.compressed_streams import open_decompressed
from spark_jobs.dumps.sql.table_reader import Value, read_table

PEER = "mwsql"
HEADER = ("", f"speed, {PEER} = 1", "MB/s", "rows", "lost", "wrong")

Condition = tuple[str, Value] | None


@dataclass(frozen=True)
class Tool:
    """A reader of a file: `run` reads it all and gives the number of rows; `rows` gives them as tuples."""

    name: str
    baseline: str
    run: Callable[[Path, Condition], int]
    rows: Callable[[Path, Condition], Iterator[tuple[Any, ...]]]
    filtered: bool


@dataclass
class Figures:
    """What a tool did with a file; `failure` is the error that stopped it."""

    seconds: float = float("inf")
    rows: int = 0
    lost: int = 0
    wrong: int = 0
    failure: str | None = None


def _where(condition: Condition) -> dict[str, list[Value]] | None:
    return {condition[0]: [condition[1]]} if condition else None


def count_ours(path: Path, condition: Condition) -> int:
    return sum(batch.num_rows for batch in read_table(path, where=_where(condition)))


def rows_of_ours(path: Path, condition: Condition) -> Iterator[tuple[Any, ...]]:
    for batch in read_table(path, where=_where(condition)):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def rows_of_mwsql(path: Path, condition: Condition, typed: bool = False) -> Iterator[list[Any]]:
    from mwsql import Dump

    dump = Dump.from_file(path)
    if condition is None:
        return dump.rows(convert_dtypes=typed)
    column, value = dump.col_names.index(condition[0]), str(condition[1])
    return (row for row in dump.rows() if len(row) > column and row[column] == value)


def count_mwsql(path: Path, condition: Condition, typed: bool = False) -> int:
    counted = enumerate(rows_of_mwsql(path, condition, typed), 1)
    last = deque(counted, maxlen=1)
    return last[0][0] if last else 0


def decompress(path: Path, condition: Condition) -> int:  # noqa: ARG001
    with path.open("rb") as file:
        opened = open_decompressed(file, path.name)
        while opened.read(2**20):
            pass
    return 0


def make_tools(condition: Condition) -> list[Tool]:
    """All tools that can be run with the condition."""
    tools = [
        Tool("ours", PEER, count_ours, rows_of_ours, False),
        Tool(PEER, PEER, count_mwsql, lambda path, where: map(tuple, rows_of_mwsql(path, where)), False),
    ]
    if condition is not None:
        kept = f", {condition[0]} = {condition[1]}"
        tools += [Tool(tool.name + kept, PEER + kept, tool.run, tool.rows, True) for tool in tools]
    typed = Tool(
        f"{PEER}, numbers as numbers",
        PEER,
        lambda path, where: count_mwsql(path, where, True),
        lambda path, where: map(tuple, rows_of_mwsql(path, where, True)),
        False,
    )
    return [*tools[:2], typed, *tools[2:], Tool("decompression alone", PEER, decompress, lambda path, where: iter(()), False)]  # noqa: ARG005


def normalize(rows: Iterable[Sequence[Any]], numeric: Sequence[bool]) -> Counter[tuple[str, ...]]:
    """The rows as text, so that what tools give can be compared: NULL as the empty string, numbers in one spelling.

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
    with path.open("rb") as file:
        return open_decompressed(file, path.name).read()


def compare(path: Path, tools: Sequence[Tool], condition: Condition) -> dict[str, Figures]:
    """What each tool gives for a file, held against the truth; no times."""
    schema = next((batch.schema for batch in read_table(path)), None)
    names = schema.names if schema is not None else []
    numeric = [str(kind) != "string" for kind in schema.types] if schema is not None else []
    truth = read_slowly(read_file(path))
    figures = {}
    for tool in tools:
        if tool.run is decompress:
            figures[tool.name] = Figures()
            continue
        expected = truth
        if tool.filtered and condition is not None:
            expected = [row for row in truth if row[names.index(condition[0])] == condition[1]]
        try:
            found = normalize(tool.rows(path, condition if tool.filtered else None), numeric)
        except Exception as error:
            figures[tool.name] = Figures(lost=len(expected), failure=repr(error))
            continue
        right = normalize(expected, numeric)
        figures[tool.name] = Figures(rows=found.total(), lost=(right - found).total(), wrong=(found - right).total())
    return figures


def measure(path: Path, tools: Sequence[Tool], condition: Condition, repeat: int, figures: dict[str, Figures]) -> None:
    """Set the seconds of each tool that does not fail on the file."""
    running = [tool for tool in tools if figures[tool.name].failure is None]
    for turn in range(repeat):
        first = turn % len(running)
        for tool in [*running[first:], *running[:first]]:
            gc.collect()
            start = time.process_time()
            tool.run(path, condition if tool.filtered else None)
            figures[tool.name].seconds = min(figures[tool.name].seconds, time.process_time() - start)


def replicate(path: Path, times: int, folder: Path) -> Path:
    """A `.sql.gz` file in `folder` with the file's statements, and its rows so many times."""
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
    """The condition `column=value` for a file: None where the file has no such column."""
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"--where {text!r}: expected COLUMN=VALUE, such as ll_lang=en")
    schema = next((batch.schema for batch in read_table(path)), None)
    if schema is None or name not in schema.names:
        return None
    kind = str(schema.field(name).type)
    return name, value if kind == "string" else float(value) if kind == "double" else int(value)


def make_rows(tools: Sequence[Tool], figures: dict[str, Figures], megabytes: float) -> list[tuple[str, ...]]:
    """The table's cells, by tool, in the order of `HEADER`."""
    rows = []
    for tool in tools:
        own = figures[tool.name]
        if own.failure is not None:
            rows.append((tool.name, "", "", own.failure, f"{own.lost:,}", ""))
            continue
        counts = ("", "", "") if tool.run is decompress else (f"{own.rows:,}", f"{own.lost:,}", f"{own.wrong:,}")
        rows.append((tool.name, make_ratio(figures, tool), f"{megabytes / own.seconds:.1f}", *counts))
    return rows


def make_ratio(figures: dict[str, Figures], tool: Tool) -> str:
    """How many times as fast as its baseline a tool is; empty where that failed."""
    baseline = figures[tool.baseline]
    return f"{baseline.seconds / figures[tool.name].seconds:.1f}" if baseline.failure is None else ""


def make_markdown(rows: Sequence[tuple[str, ...]], caption: str) -> str:
    """The table and the sentence below it."""
    lines = [f"| {' | '.join(cells)} |" for cells in (HEADER, *rows)]
    lines.insert(1, "|---|" + "--:|" * (len(HEADER) - 1))
    return "\n".join([*lines, "", *textwrap.wrap(caption, 130)])


def main(
    paths: Annotated[list[Path], typer.Argument(help="Table dumps (.sql, .sql.gz).", exists=True, dir_okay=False)],
    where: Annotated[str, typer.Option(help="COLUMN=VALUE that is kept, in files that have the column.")] = "ll_lang=en",
    repeat: Annotated[int, typer.Option(help="Times that each tool reads each file; the fastest counts.", min=1)] = 3,
    times: Annotated[int, typer.Option("--replicate", help="Measure on a file that has the rows so often.", min=1)] = 1,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the figures and the machine to this file.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the tables ready to be pasted.")] = False,
) -> None:
    """Measure all tools on the same files and print how fast they are and which rows they get wrong."""
    try:
        machine = describe_machine((PEER, "pyarrow"))
    except PackageNotFoundError as error:
        raise typer.BadParameter(f"{error.name} is not installed: pip install '.[peers]'") from error
    report: dict[str, Any] = {"machine": machine, "repeat": repeat, "replicate": times, "files": {}}
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    for path in paths:
        condition = parse_condition(where, path)
        tools = make_tools(condition)
        figures = compare(path, tools, condition)
        with tempfile.TemporaryDirectory() as folder:
            measured = replicate(path, times, Path(folder)) if times > 1 else path
            megabytes = len(read_file(measured)) / 1e6
            measure(measured, tools, condition, repeat, figures)
        rows = make_rows(tools, figures, megabytes)
        copies = f", its rows {times} times (counts are of once)" if times > 1 else ""
        caption = (
            f"{path.name}{copies}, {megabytes:.1f} MB of SQL, best of {repeat}; {machine['processor']}, one core, "
            f"{machine['python']}; {packages}."
        )
        report["files"][path.name] = {
            "megabytes": round(megabytes, 3),
            "tools": {
                name: {**asdict(own), "megabytes_per_second": round(megabytes / own.seconds, 3)} for name, own in figures.items()
            },
        }
        if markdown:
            typer.echo(make_markdown(rows, caption) + "\n")
        else:
            grid = Table(*HEADER, caption=caption)
            for row in rows:
                grid.add_row(*row)
            Console().print(grid)
    if json_out is not None:
        json_out.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    typer.run(main)
