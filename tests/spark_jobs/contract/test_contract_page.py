"""docs/reference/tables.md is up to date and lists every table, column and nullable part."""

import os
import subprocess
import sys
import zipfile

import pyarrow as pa

from spark_jobs.contract.contract_page import contract_page
from spark_jobs.contract.schema_version import SCHEMA_VERSION
from spark_jobs.contract.table_schemas import RENDERED, TABLES


def test_the_page_is_up_to_date(repository) -> None:
    committed = (repository / "docs" / "reference" / "tables.md").read_text(encoding="utf-8")
    assert committed == contract_page(), "run: make reference"


def test_the_command_prints_the_page(repository) -> None:
    command = [sys.executable, "-m", "spark_jobs.contract"]
    assert subprocess.run(command, capture_output=True, text=True, cwd=repository, check=True).stdout == contract_page()


def test_the_page_has_every_table_and_column() -> None:
    page = contract_page()
    assert f"**{SCHEMA_VERSION}**" in page
    for table in (*TABLES.values(), RENDERED):
        section = page.split(f"\n## {table.name}\n")[1].split("\n## ")[0]
        rows = [line for line in section.splitlines() if line.startswith("| `") and not line.startswith("| `leia.")]
        assert [row.split("`")[1] for row in rows] == [column.name for column in table.columns]
        assert {row.split("`")[1] for row in rows if ", may be null" in row} == {c.name for c in table.columns if c.nullable}


def nullable_parts(kind: pa.DataType, path: str) -> set[str]:
    if pa.types.is_list(kind):
        return nullable_parts(kind.value_type, path)
    if not pa.types.is_struct(kind):
        return set()
    inner = [nullable_parts(field.type, f"{path}.{field.name}") for field in kind]
    return {f"{path}.{field.name}" for field in kind if field.nullable}.union(*inner)


def test_the_page_names_what_may_be_null_inside_structs() -> None:
    found = {part for table in TABLES.values() for field in table.schema for part in nullable_parts(field.type, field.name)}
    assert found == {"links.wiki", "links.fragment", "entities.target_page_id"}
    assert all(f"`{part}`" in contract_page() for part in found)


def test_templates_are_found_in_the_zip_that_travels_to_a_cluster(repository, tmp_path) -> None:
    archive = tmp_path / "spark_jobs.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for file in sorted((repository / "spark_jobs").rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                target.write(file, file.relative_to(repository))
    code = (
        "import spark_jobs, spark_jobs.contract.contract_page as c; print(spark_jobs.__file__); print(c.contract_page(), end='')"
    )
    environment = {**os.environ, "PYTHONPATH": str(archive)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=tmp_path, check=True)
    place, _, page = done.stdout.partition("\n")
    assert place.startswith(str(archive))
    assert page == contract_page()
