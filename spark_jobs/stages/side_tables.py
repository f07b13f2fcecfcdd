"""What the optional SQL tables of a dump add to `extract`: redirects between templates, and which pages are disambiguations.

    page + redirect   a rule for a template holds under every name that leads to it
    page_props        MediaWiki's own mark of a disambiguation page, instead of our list of templates

Each table is read by a task of its own; what comes back to the driver is short: pairs of template names, and page ids.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from spark_jobs.common.storage import Location
from spark_jobs.dumps.stream_decompression import open_decompressed
from spark_jobs.dumps.dump_files import Dump
from spark_jobs.dumps.sql.table_reader import read_rows
from spark_jobs.runtime.spark_shards import map_tasks
from spark_jobs.wikis import WikiProfile

_TEMPLATE_NAMESPACE = 10
LOSSES = {
    "page": "redirects between templates are not known, so a template has its rule under the listed names only",
    "redirect": "redirects between templates are not known, so a template has its rule under the listed names only",
    "page_props": "disambiguation pages are told by the templates on them",
    "siteinfo-namespaces": "aliases of namespaces, words and link trail are those of the packaged table",
}
"""What is lost where an optional file is not there."""


@dataclass(frozen=True)
class SideTables:
    """What was read; None where the files are not there."""

    template_redirects: Mapping[str, str] | None
    """Template -> template that it redirects to, without namespace, as the tables have them."""
    disambiguations: frozenset[int] | None
    """Ids of disambiguation pages."""


def read_side_tables(spark: SparkSession, folder: Location, dump: Dump) -> SideTables:
    """Read what there is, in one Spark job."""
    files = {name: folder / path for name, path in dump.optional.items() if name in _READERS}
    if not {"page", "redirect"} <= files.keys():
        files = {name: file for name, file in files.items() if name == "page_props"}
    if not files:
        return SideTables(None, None)
    found = dict(map_tasks(spark, sorted(files.items()), lambda job: (job[0], _READERS[job[0]](job[1]))))
    pages, targets, marked = (found.get(name) for name in ("page", "redirect", "page_props"))
    redirects = None
    if pages is not None and targets is not None:
        redirects = {title: targets[page] for page, title in pages.items() if page in targets}
    return SideTables(redirects, None if marked is None else frozenset(marked))


def with_known_redirects(profile: WikiProfile, redirects: Mapping[str, str]) -> WikiProfile:
    """The profile with those redirects that lead to a template which the tables name: of others nothing is kept anyway."""
    full = profile.with_template_redirects(redirects)
    known = full.templates.keys() | full.link_templates.keys() | full.disambiguation_templates
    kept = {source: target for source, target in full.template_redirects.items() if target in known}
    return profile.with_template_redirects(kept)


def _template_pages(file: Location) -> dict[int, str]:
    """Page id -> name of the templates that are redirects."""
    where = {"page_namespace": [_TEMPLATE_NAMESPACE], "page_is_redirect": [1]}
    return _pairs(file, ["page_id", "page_title"], where)


def _template_targets(file: Location) -> dict[int, str]:
    """Page id -> name of the template that it redirects to."""
    return _pairs(file, ["rd_from", "rd_title"], {"rd_namespace": [_TEMPLATE_NAMESPACE]})


def _disambiguations(file: Location) -> dict[int, str]:
    """Page id -> the property's name, of pages that have it."""
    return _pairs(file, ["pp_page", "pp_propname"], {"pp_propname": ["disambiguation"]})


def _pairs(file: Location, columns: list[str], where: Mapping[str, Any]) -> dict[Any, Any]:
    pairs: dict[Any, Any] = {}
    with file.open() as opened:
        for rows in read_rows(open_decompressed(opened, file.name), file.name, columns, where):
            pairs.update(zip(*(column.to_pylist() for column in rows.columns), strict=True))
    return pairs


_READERS = {"page": _template_pages, "redirect": _template_targets, "page_props": _disambiguations}
