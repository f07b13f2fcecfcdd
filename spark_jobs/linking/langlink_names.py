"""What a title is called in other languages: a pure function of its own langlinks and those of the article behind it.

A title's own langlink stands before that of the article that it redirects to: the wiki gave it to that very title. Where a page
has two titles in one language (codes that name the same wiki, `nb` and `no`), the smaller one is taken.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import pyarrow as pa

from spark_jobs.contract.table_schemas import NAMES

Langlinks = Iterable[Mapping[str, str]]
"""Entries with `language` and `title`, in any order."""


def merge_langlinks(own: Langlinks, behind: Langlinks) -> list[dict[str, str]]:
    """The column `names` of a title: an entry for each language, sorted by language.

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
    """The rows of `names` among titles that were joined with langlinks, and what was counted on the way.

    Args:
        batch: columns `title` (null: a page with langlinks that is not in the dump), `page_id`, `is_redirect`, `own` (the page's
            own langlinks, null for none), `article_id` and `behind` (the article that a redirect leads to and its langlinks; null
            if it leads to none).

    Returns:
        A row for each title that leads to an article. Counters: `langlinks` and, of these, `langlinks_of_articles`, which
        belong to a page of the dump; `distinct_titles`, whether they lead to an article or not.
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
