"""Where redirects lead, by pointer doubling: joins on titles only, no dictionary on the driver."""

from collections.abc import Sequence

from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

# Chains of up to 2^7 redirects; MediaWiki itself follows one hop, and bots flatten longer chains.
_MAX_DOUBLINGS = 7


def resolve_redirects(pages: DataFrame, carried: Sequence[str] = ()) -> DataFrame:
    """Resolve the redirects among `pages` (title, redirect_title, redirect_fragment; null redirect_title on articles).

    Returns (title, target, *carried): each redirect that leads to an article, over any number of hops, with the columns `carried`
    of that article. Left out are redirects into a cycle, to a page that is not among the articles, and redirects to a section
    or over one: a section is not what the article is about, just as an explicit link `[[A#b]]` gives no name.

    Nearly all redirects lead to an article at once. Only those that lead to another redirect, a handful, go through the doubling.
    """
    hops = pages.where("redirect_title is not null and redirect_fragment is null").select(
        "title", F.col("redirect_title").alias("target")
    )
    articles = pages.where("redirect_title is null").select(F.col("title").alias("target"), *carried)
    chained = _settle(hops.join(hops.select(F.col("title").alias("target")), "target", "left_semi").select("title", "target"))
    if not chained.isEmpty():
        # The last title of a chain is a redirect that leads to an article at once, if to any.
        last = _double(chained).join(hops.toDF("last", "target"), "last").select("title", "target")
        hops = hops.join(chained.select("title"), "title", "left_anti").unionByName(last)
    return hops.join(articles, "target").select("title", "target", *carried)


def _double(chained: DataFrame) -> DataFrame:
    """(title, last) for (title, target): where each chain leads to among the targets; in a cycle, to any of it."""
    steps = chained.toDF("title", "last")
    for _ in range(_MAX_DOUBLINGS):
        following = steps.toDF("last", "next")
        doubled = _settle(
            steps.join(following, "last", "left").select(
                "title", F.coalesce("next", "last").alias("last"), F.col("next").isNotNull().alias("moved")
            )
        )
        steps = doubled.select("title", "last")
        if doubled.where("moved").isEmpty():
            break
    return steps


def _settle(frame: DataFrame) -> DataFrame:
    """Compute `frame` and cut its plan, which would double with every step; two copies, so that an executor may be lost."""
    return frame.localCheckpoint(storageLevel=StorageLevel.MEMORY_AND_DISK_2)
