"""Reads the packaged data files; works from a folder and from a zip on `--py-files`."""

import gzip
import json
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C, ten times as fast as that in Python, where it was built."""


def read_bytes(name: str) -> bytes:
    """The bytes of one file of `spark_jobs/wikis/data`."""
    return (files("spark_jobs.wikis.data") / name).read_bytes()


@cache
def read_yaml(name: str) -> Any:
    """One hand-written data file; the value is shared, so callers must not change it."""
    return yaml.load(read_bytes(name), Loader=_LOADER)  # noqa: S506  # it is a safe one


@cache
def read_siteinfo() -> dict[str, dict[str, Any]]:
    """The packaged site configuration of every wiki, by language code; built by `spark_jobs.wikis.rebuild_siteinfo`."""
    table: dict[str, dict[str, Any]] = json.loads(gzip.decompress(read_bytes("siteinfo.json.gz")))
    return table
