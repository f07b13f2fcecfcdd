"""The options of a table in Spark's catalog: `CREATE TABLE pages USING mediawiki OPTIONS (path 'dumps', namespaces '0')`.

`CREATE TABLE` gives a source the options together with the properties that Spark sets (`owner`, `location`, `provider`, ...) and
those of `TBLPROPERTIES`; every option occurs a second time as `option.NAME`. When the table is read, Spark 4.1 to 4.3 give a
Python source its schema and none of the options. So the schema carries them, in the metadata of its first column.
"""

import json
from collections.abc import Mapping, Sequence

from pyspark.sql.types import StructField, StructType

from spark_jobs.sources.source_options import SourceError

_PROVIDER = "provider"
"""Property of every table; an option of this name would be `option.provider` too."""
_PREFIX = "option."
_METADATA = "mediawiki.options"


def is_of_table(options: Mapping[str, str]) -> bool:
    """Whether the options are those of `CREATE TABLE`."""
    return _PROVIDER in options and f"{_PREFIX}{_PROVIDER}" not in options


def drop_table_properties(options: Mapping[str, str], known: Sequence[str]) -> dict[str, str]:
    """The options that the user gave, without the properties of a table.

    >>> given = {"path": "dumps", "owner": "me", "provider": "mediawiki", "mode": "FAILFAST", "option.mode": "FAILFAST"}
    >>> drop_table_properties(given, ["path", "mode"])
    {'path': 'dumps', 'mode': 'FAILFAST'}

    Raises `SourceError` for an option among `TBLPROPERTIES`, which would have no effect.
    """
    if not is_of_table(options):
        return dict(options)
    given = {name.removeprefix(_PREFIX).lower() for name in options if name.startswith(_PREFIX)}
    names = {name.lower() for name in known}
    kept = {}
    for name, value in options.items():
        if name == "path" or name.lower() in given:
            kept[name] = value
        elif name.lower() in names:
            raise SourceError(f"{name!r} is an option of this source, not a table property; write it in OPTIONS (...)")
    return kept


def remember_options(schema: StructType, options: Mapping[str, str]) -> StructType:
    """The schema with the options in the metadata of its first column."""
    first, *others = schema.fields
    metadata = {**first.metadata, _METADATA: json.dumps(dict(options), ensure_ascii=False)}
    return StructType([StructField(first.name, first.dataType, first.nullable, metadata), *others])


def recall_options(schema: StructType, options: Mapping[str, str]) -> dict[str, str]:
    """`options` on top of those that the schema carries."""
    carried = next((field.metadata[_METADATA] for field in schema.fields if _METADATA in field.metadata), "{}")
    found = {name.lower(): (name, value) for name, value in [*json.loads(carried).items(), *options.items()]}
    return dict(found.values())
