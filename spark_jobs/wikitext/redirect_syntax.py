"""Redirect pages: `#REDIRECT [[Target#Section]]`, with the keywords of the wiki."""

import re
from dataclasses import dataclass
from functools import lru_cache

from spark_jobs.wikis.wiki_profile import WikiProfile
from spark_jobs.wikitext.title_normalisation import normalise_title


@dataclass(frozen=True)
class Redirect:
    """Target of a redirect: a normalised title of the same wiki and, if given, a section."""

    target: str
    fragment: str | None = None


@lru_cache(maxsize=512)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    alternatives = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"\s*(?:{alternatives})\s*(?::\s*)?\[\[([^\[\]{{|}}<>\n]+)(?:\|[^\]]*+)?\]\]", re.IGNORECASE)


def parse_redirect(wikitext: str, profile: WikiProfile) -> Redirect | None:
    """The target if the page is a redirect, else None. Also None if it leads to another wiki or to an illegal title.

    >>> from spark_jobs.wikis import load_profile
    >>> parse_redirect("#転送 [[東京#歴史]]", load_profile("jawiki"))
    Redirect(target='東京', fragment='歴史')
    """
    head = wikitext[:2048]
    if "[[" not in head:
        return None
    match = _pattern(profile.redirect_words).match(head)
    title = normalise_title(match[1], profile) if match else None
    if title is None or title.wiki is not None or not title.text:
        return None
    return Redirect(title.text, title.fragment)
