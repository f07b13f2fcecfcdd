"""Titles in other languages: the rows of the table `names`, from langlinks.

A langlink of the title itself wins over one of the article that it redirects to, because the wiki assigned it to this title. If a
page has two titles in one language (codes of the same wiki, `nb` and `no`), the smaller title is used.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import pyarrow as pa

from spark_jobs.contract.table_schemas import NAMES

Langlinks = Iterable[Mapping[str, str]]
"""Entries with `language` and `title`, in any order."""


def merge_langlinks(own: Langlinks, behind: Langlinks) -> list[dict[str, str]]:
    """The column `names` of a title: an entry per language, sorted by language.

    `own` are the langlinks of the title's page, `behind` those of the article that it redirects to.

    >>> english, german = {"language": "en", "title": "Tea"}, {"language": "de", "title": "Tee"}
    >>> merge_langlinks(own=[english], behind=[{"language": "en", "title": "Drink"}, german])
    [{'language': 'de', 'title': 'Tee', 'source': 'redirect'}, {'language': 'en', 'title': 'Tea', 'source': 'langlink'}]
    """
    best: dict[str, dict[str, str]] = {}
    for source, langlinks in (("langlink", own), ("redirect", behind)):
        for language, title in sorted((entry["language"], entry["title"]) for entry in langlinks):
            best.setdefault(language, {"language": language, "title": title, "source": source})
    return [best[language] for language in sorted(best)]


def build_names_rows(batch: pa.RecordBatch) -> tuple[pa.Table, Counter[str]]:
    """The rows of `names` for titles that were joined with langlinks, and counters.

    Args:
        batch: columns `title` (null: a page with langlinks that is not in the dump), `page_id`, `is_redirect`, `own` (langlinks
            of the page; null for none), `article_id` and `behind` (the article that a redirect leads to, and its langlinks; null
            if it leads to no article).

    Returns:
        A row for each title that leads to an article. Counters: `langlinks`; `langlinks_of_articles`, the part of them that
        belongs to a page of the dump; `distinct_titles`, including titles that do not lead to an article.
    """
    counters: Counter[str] = Counter()
    rows = []
    for row in batch.to_pylist():
        own = row["own"] or ()
        languages = len({entry["language"] for entry in own})
        counters["langlinks"] += languages
        if row["title"] is None:
            continue
        counters["langlinks_of_articles"] += languages
        counters["distinct_titles"] += 1
        page_id = row["article_id"] if row["is_redirect"] else row["page_id"]
        if page_id is not None:
            rows.append({"title": row["title"], "page_id": page_id, "names": merge_langlinks(own, row["behind"] or ())})
    return pa.Table.from_pylist(rows, schema=NAMES.schema), counters
