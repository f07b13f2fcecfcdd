"""Wikitext to plain text and link spans, for any Wikipedia: pure functions of (wikitext, profile), linear in time.

    from spark_jobs.wikis import load_profile
    from spark_jobs.wikitext import extract

    page = extract("…[[理論物理学]]の…", load_profile("jawiki"))
    page.text, page.links, page.sections

Import from this package only (benchmarks may import a pass). `scanner` runs the passes in this order, each in one module or
folder of `passes/`:

     1. comments_and_extensions          8. wiki_links
     2. wiki_templates                   9. bold_italics
     3. language_variants               10. external_links
     4. table_removal or table_text     11. character_references
     5. html_tags                       12. dropped_gaps
     6. behaviour_switches              13. paragraphs_and_lists
     7. headings                        14. span_offsets

`title_normalisation` and `redirect_syntax` read titles and redirects. Everything that differs between wikis is data in
`spark_jobs.wikis`; reading dumps and writing tables do not belong here.
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
