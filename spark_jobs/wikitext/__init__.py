"""Wikitext to plain text and link spans: pure functions of (wikitext, profile), linear in time, for any Wikipedia.

    from spark_jobs.wikis import load_profile
    from spark_jobs.wikitext import extract

    page = extract("…[[理論物理学]]の…", load_profile("jawiki"))
    page.text, page.links, page.sections

The passes, each in a module of its own, in order: `opaque` (comments, extension tags), `templates`, `variants`, `tables`, `tags`,
`headings`, `links`, `inline` (quotes, external links, entities), `blocks` (paragraphs), and `scanner.build_extraction` (offsets).
"""

from spark_jobs.wikitext.extraction_options import Budget, Options
from spark_jobs.wikitext.extraction_result import Extraction, Link, Section, WikitextError
from spark_jobs.wikitext.redirect_syntax import Redirect, parse_redirect
from spark_jobs.wikitext.scanner import extract
from spark_jobs.wikitext.title_normalisation import Title, normalise_title

__all__ = [
    "Budget",
    "Extraction",
    "Link",
    "Options",
    "Redirect",
    "Section",
    "Title",
    "WikitextError",
    "extract",
    "normalise_title",
    "parse_redirect",
]
