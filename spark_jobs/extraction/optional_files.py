"""The optional files of a dump: the values that they add to a build, and the losses without them.

    page + redirect       a rule for a template applies under every name that redirects to it
    page_props            MediaWiki's own mark of a disambiguation page, instead of the packaged list of templates
    siteinfo-namespaces   see `corrected_profile`

The values that return to the driver are small: pairs of template names, and page ids.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spark_jobs.common.storage import Location
from spark_jobs.dumps.compressed_files import open_decompressed
from spark_jobs.dumps.dump_files import Dump
from spark_jobs.dumps.sql.table_reader import read_rows
from spark_jobs.wikis import WikiProfile

_TEMPLATE_NAMESPACE = 10
LOSSES = {
    "page": "redirects between templates are not known, so a rule for a template applies to the listed names only",
    "redirect": "redirects between templates are not known, so a rule for a template applies to the listed names only",
    "page_props": "disambiguation pages are recognised by their templates",
    "siteinfo-namespaces": "aliases of namespaces, words and link trail are those of the packaged table",
}
"""Optional file -> the loss without it, for the log."""


@dataclass(frozen=True)
class SideTables:
    """The values of the optional SQL tables; None where their files are missing."""

    template_redirects: Mapping[str, str] | None
    """Template -> template that it redirects to, without namespace, spelled as in the tables."""
    disambiguations: frozenset[int] | None
    """Ids of disambiguation pages."""


def list_missing_files(dump: Dump) -> list[str]:
    """The optional files that the dump lacks, sorted."""
    return sorted(LOSSES.keys() - dump.optional.keys())


def checksum_optional_files(folder: Location, dump: Dump) -> dict[str, dict[str, Any]]:
    """Name, size and sha256 of each optional file that is present."""
    files = {name: folder / path for name, path in dump.optional.items()}
    return {name: {"name": file.name, "bytes": file.size(), "sha256": file.sha256()} for name, file in files.items()}


def choose_side_tables(folder: Location, dump: Dump) -> dict[str, Location]:
    """The optional SQL tables to read, by name. `page` and `redirect` are of use together only."""
    tables = {name: folder / path for name, path in dump.optional.items() if name in _READERS}
    if {"page", "redirect"} <= tables.keys():
        return tables
    return {name: file for name, file in tables.items() if name == "page_props"}


def read_side_table(name: str, file: Location) -> dict[int, str]:
    """The rows of one table of `choose_side_tables` that a build needs: page id -> title or property."""
    return _READERS[name](file)


def combine_tables(rows: Mapping[str, Mapping[int, str]]) -> SideTables:
    """Combine the results of `read_side_table`, by table."""
    pages, targets, marked = (rows.get(name) for name in ("page", "redirect", "page_props"))
    redirects = None
    if pages is not None and targets is not None:
        redirects = {title: targets[page] for page, title in pages.items() if page in targets}
    return SideTables(redirects, None if marked is None else frozenset(marked))


def add_template_redirects(profile: WikiProfile, redirects: Mapping[str, str]) -> WikiProfile:
    """The profile with the redirects to templates that it has a rule for. Other templates leave no text, so they need none."""
    full = profile.with_template_redirects(redirects)
    known = full.templates.keys() | full.link_templates.keys() | full.disambiguation_templates
    kept = {source: target for source, target in full.template_redirects.items() if target in known}
    return profile.with_template_redirects(kept)


def _read_template_pages(file: Location) -> dict[int, str]:
    """Page id -> name of the templates that are redirects."""
    where = {"page_namespace": [_TEMPLATE_NAMESPACE], "page_is_redirect": [1]}
    return _read_pairs(file, ["page_id", "page_title"], where)


def _read_template_targets(file: Location) -> dict[int, str]:
    """Page id -> name of the template that it redirects to."""
    return _read_pairs(file, ["rd_from", "rd_title"], {"rd_namespace": [_TEMPLATE_NAMESPACE]})


def _read_disambiguations(file: Location) -> dict[int, str]:
    """Page id -> the property's name, of pages with the property `disambiguation`."""
    return _read_pairs(file, ["pp_page", "pp_propname"], {"pp_propname": ["disambiguation"]})


def _read_pairs(file: Location, columns: list[str], where: Mapping[str, Any]) -> dict[Any, Any]:
    pairs: dict[Any, Any] = {}
    with file.open() as opened:
        for rows in read_rows(open_decompressed(opened, file.name), file.name, columns, where):
            pairs.update(zip(*(column.to_pylist() for column in rows.columns), strict=True))
    return pairs


_READERS = {"page": _read_template_pages, "redirect": _read_template_targets, "page_props": _read_disambiguations}
