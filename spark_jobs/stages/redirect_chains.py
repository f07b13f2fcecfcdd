"""The articles that redirects lead to, over any number of hops: pointer doubling with joins on titles, nothing on the driver."""

from collections.abc import Sequence

from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

# Enough for chains of 2^7 redirects. MediaWiki follows one hop, and bots flatten longer chains.
_MAX_DOUBLINGS = 7


def resolve_redirects(pages: DataFrame, carried: Sequence[str] = ()) -> DataFrame:
    """Resolve the redirects among `pages` (title, redirect_title, redirect_fragment; null redirect_title on articles).

    Returns (title, target, *carried): each redirect that leads to an article, over any number of hops, with the columns `carried`
    of that article. Redirects into a cycle and to a missing page are left out. So are redirects to a section or over one, because
    the section is not the topic of the article; for the same reason a link `[[A#b]]` gives no name.

    Nearly all redirects lead directly to an article. Only the few that lead to another redirect need the doubling.
    """
    hops = pages.where("redirect_title is not null and redirect_fragment is null").select(
        "title", F.col("redirect_title").alias("target")
    )
    articles = pages.where("redirect_title is null").select(F.col("title").alias("target"), *carried)
    chained = _checkpoint(hops.join(hops.select(F.col("title").alias("target")), "target", "left_semi").select("title", "target"))
    if not chained.isEmpty():
        # The last title of a chain is a redirect that leads directly to an article, or to none.
        last = _follow_chains(chained).join(hops.toDF("last", "target"), "last").select("title", "target")
        hops = hops.join(chained.select("title"), "title", "left_anti").unionByName(last)
    return hops.join(articles, "target").select("title", "target", *carried)


def _follow_chains(chained: DataFrame) -> DataFrame:
    """(title, last) for (title, target): the last title of each chain; in a cycle, any title of it."""
    steps = chained.toDF("title", "last")
    for _ in range(_MAX_DOUBLINGS):
        following = steps.toDF("last", "next")
        doubled = _checkpoint(
            steps.join(following, "last", "left").select(
                "title", F.coalesce("next", "last").alias("last"), F.col("next").isNotNull().alias("moved")
            )
        )
        steps = doubled.select("title", "last")
        if doubled.where("moved").isEmpty():
            break
    return steps


def _checkpoint(frame: DataFrame) -> DataFrame:
    """Compute `frame` and cut its plan, which would double with every step. Two copies survive the loss of an executor."""
    return frame.localCheckpoint(storageLevel=StorageLevel.MEMORY_AND_DISK_2)
