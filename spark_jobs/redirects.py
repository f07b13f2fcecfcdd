"""Where redirects lead, by pointer doubling: joins on titles only, no dictionary on the driver."""

from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

# Chains of up to 2^7 redirects; MediaWiki itself follows one hop, and bots flatten longer chains.
_MAX_DOUBLINGS = 7


def resolve_redirects(pages: DataFrame) -> DataFrame:
    """Resolve the redirects among `pages` (title, redirect_title, redirect_fragment; null redirect_title on articles).

    Returns (title, target): each redirect that leads to an article, over any number of hops. Left out are redirects into a
    cycle, to a page that is not among the articles, and redirects to a section or over one: a section is not what the
    article is about, just as an explicit link `[[A#b]]` gives no name.

    Nearly all redirects lead to an article at once. Only those that lead to another redirect, a handful, go through the doubling.
    """
    hops = pages.where("redirect_title is not null and redirect_fragment is null").select(
        "title", F.col("redirect_title").alias("target")
    )
    articles = pages.where("redirect_title is null").select(F.col("title").alias("target"))
    direct = hops.join(articles, "target", "left_semi").select("title", "target")
    chained = _settle(hops.join(hops.select(F.col("title").alias("target")), "target", "left_semi").select("title", "target"))
    if chained.isEmpty():
        return direct
    for _ in range(_MAX_DOUBLINGS):
        following = chained.select(F.col("title").alias("target"), F.col("target").alias("next_target"))
        doubled = chained.join(following, "target", "left").select(
            "title", F.coalesce("next_target", "target").alias("target"), F.col("next_target").isNotNull().alias("moved")
        )
        doubled = _settle(doubled)
        chained = doubled.select("title", "target")
        if doubled.where("moved").isEmpty():
            break
    # A chain ends in a redirect that leads to an article at once.
    ends = direct.select(F.col("title").alias("end"), F.col("target").alias("article"))
    behind = chained.join(ends, F.col("target") == F.col("end")).select("title", F.col("article").alias("target"))
    return direct.unionByName(behind)


def _settle(frame: DataFrame) -> DataFrame:
    """Compute `frame` and cut its plan, which would double with every step; two copies, so that an executor may be lost."""
    return frame.localCheckpoint(storageLevel=StorageLevel.MEMORY_AND_DISK_2)
