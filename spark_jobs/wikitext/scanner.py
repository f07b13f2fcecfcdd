"""`extract`: the passes in their order."""

from spark_jobs.wikis.wiki_profile import WikiProfile
from spark_jobs.wikitext.extraction_options import DEFAULT_OPTIONS, Options
from spark_jobs.wikitext.extraction_result import Extraction
from spark_jobs.wikitext.page_state import (
    NO_TRAIL,
    PageState,
)
from spark_jobs.wikitext.passes.behaviour_switches import drop_behaviour_switches
from spark_jobs.wikitext.passes.bold_italics import drop_bold_italics
from spark_jobs.wikitext.passes.character_references import decode_character_references
from spark_jobs.wikitext.passes.comments_and_extensions import clean_source, strip_comments_and_extensions
from spark_jobs.wikitext.passes.dropped_gaps import close_gaps
from spark_jobs.wikitext.passes.external_links import drop_external_links
from spark_jobs.wikitext.passes.headings import mark_headings
from spark_jobs.wikitext.passes.html_tags import drop_tags
from spark_jobs.wikitext.passes.language_variants import choose_variant
from spark_jobs.wikitext.passes.paragraphs_and_lists import lay_out_lines
from spark_jobs.wikitext.passes.span_offsets import build_extraction
from spark_jobs.wikitext.passes.table_removal import drop_tables
from spark_jobs.wikitext.passes.table_text import keep_table_text
from spark_jobs.wikitext.passes.wiki_links.file_links import drop_files
from spark_jobs.wikitext.passes.wiki_links.internal_links import mark_links
from spark_jobs.wikitext.passes.wiki_templates.brace_matching import expand_templates


def extract(wikitext: str, profile: WikiProfile, options: Options = DEFAULT_OPTIONS) -> Extraction:
    """Text, links and sections of a page as readers see them. Pure, deterministic, linear in the length of `wikitext`.

    >>> from spark_jobs.wikis import load_profile
    >>> page = extract("'''Tea''' is a [[drink|hot drink]]{{ref|1}}. [[Leaf|Leaves]]", load_profile("enwiki"))
    >>> page.text, [(page.text[link.start : link.end], link.target) for link in page.links]
    ('Tea is a hot drink. Leaves', [('hot drink', 'Drink'), ('Leaves', 'Leaf')])

    For every link, `text[start:end]` is its surface and not empty; spans are sorted and disjoint; offsets count code points.
    Raises only `WikitextError`, for a page over `options.budget`.
    """
    page = PageState(profile, options.budget)
    page.check_budget(len(wikitext), options.budget.source_characters, "characters of wikitext")
    text = strip_comments_and_extensions(clean_source(wikitext), page, options.math == "latex")
    text = expand_templates(text, page)
    text = choose_variant(text, page)
    text = drop_tables(text, page) if options.tables == "drop" else keep_table_text(text, page)
    text = drop_tags(text)
    text = drop_behaviour_switches(text, profile.switches)
    text = mark_headings(text, page, options.drop_sections)
    text = drop_files(text, page)
    text = mark_links(text, page)
    text = drop_bold_italics(text)
    text = drop_external_links(text)
    text = decode_character_references(text)
    text = lay_out_lines(close_gaps(text.replace(NO_TRAIL, "")))
    page.check_budget(len(text), options.budget.text_characters, "characters of text")
    return build_extraction(text, page)
