"""A page of the main namespace to a row of `articles`: text, links and sections, or the target of a redirect."""

import urllib.parse
from collections import Counter

from spark_jobs.dumps.page_errors import PageError
from spark_jobs.dumps.page_parsing import PageRevision
from spark_jobs.extraction.article_columns import Article
from spark_jobs.extraction.extract_job import ExtractJob
from spark_jobs.wikis import WikiProfile
from spark_jobs.wikitext import extract, normalise_title, parse_redirect

WIKITEXT = "wikitext"
"""The content model of articles, and the stage in `rejects` of an article that exceeds the work budget."""


def make_article(page: PageRevision, job: ExtractJob, counters: Counter[str]) -> Article:
    """The row of `articles` for a page of the main namespace; adds to `counters`.

    Raises `PageError` if the page is not wikitext and `WikitextError` if it exceeds the work budget.
    """
    if page.model != WIKITEXT:
        raise PageError(f"content model {page.model!r} is not {WIKITEXT!r}")
    article = Article(page.page_id, page.revision_id, page.timestamp, page.title, page_url(job.base, page.title))
    if page.redirect is not None or parse_redirect(page.text, job.profile) is not None:
        counters["redirects"] += 1
        title, fragment = _redirect_target(page, job.profile)
        return article._replace(redirect_title=title, redirect_fragment=fragment)
    extraction = extract(page.text, job.profile, job.options)
    if job.disambiguations is None:
        is_disambiguation = not job.profile.disambiguation_templates.isdisjoint(extraction.templates)
    else:
        is_disambiguation = page.page_id in job.disambiguations
    counters["articles"] += 1
    counters["disambiguations"] += is_disambiguation
    counters["links"] += len(extraction.links)
    counters["characters"] += len(extraction.text)
    counters["wikitext_characters"] += len(page.text)
    return article._replace(
        is_disambiguation=is_disambiguation, text=extraction.text, sections=extraction.sections, links=extraction.links
    )


def _redirect_target(page: PageRevision, profile: WikiProfile) -> tuple[str, str | None]:
    """Title and fragment of a redirect: the fragment is in the page's text, the title that MediaWiki resolved in `<redirect>`."""
    written = parse_redirect(page.text, profile)
    if not page.redirect:  # old exports mark a redirect without its target
        return (written.target, written.fragment) if written is not None else ("", None)
    title = normalise_title(page.redirect, profile)
    if title is None or title.wiki is not None:  # of another wiki: kept as written, since it is not a title of this wiki
        return page.redirect, None
    fragment = title.fragment or (written.fragment if written is not None and written.target == title.text else None)
    return title.text, fragment


def page_url(base: str, title: str) -> str:
    """Address of a page, from the address of the wiki's main page.

    >>> page_url("https://en.wikipedia.org/wiki/Main_Page", "AC/DC & friends")
    'https://en.wikipedia.org/wiki/AC/DC_%26_friends'
    """
    path = urllib.parse.quote(title.replace(" ", "_"), safe="/:@!$()*,;~-_.")
    return f"{base.rpartition('/')[0]}/{path}"
