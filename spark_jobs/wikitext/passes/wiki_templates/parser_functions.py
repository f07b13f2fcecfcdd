"""MediaWiki's parser functions and variables, which look like template calls."""

from collections.abc import Callable

FUNCTIONS: dict[str, Callable[[str], str]] = {
    "lc": str.lower,
    "uc": str.upper,
    "lcfirst": lambda text: text[:1].lower() + text[1:],
    "ucfirst": lambda text: text[:1].upper() + text[1:],
    "formatnum": lambda text: text,
}
"""Parser functions of one argument that leave text: name -> function of the argument."""
VARIABLES = frozenset(
    f"{subject}{part}"
    for subject in ("", "FULL", "BASE", "ROOT", "SUB", "TALK", "ARTICLE", "SUBJECT")
    for part in ("PAGENAME", "PAGENAMEE", "SPACE", "SPACEE")
) | {
    "NAMESPACE",
    "NAMESPACEE",
    "SITENAME",
    "SERVER",
    "CURRENTYEAR",
    "CURRENTMONTH",
    "CURRENTDAY",
    "CURRENTTIME",
    "NUMBEROFARTICLES",
}
"""Variables: words in braces that are not templates. Their value depends on the page or the day; they leave no text."""
_SILENT_FUNCTIONS = """
anchorencode canonicalurl filepath fullurl gender grammar int localurl ns nse numberingroup padleft padright pageid
pagesincategory pagesinnamespace pagesize plural protectionexpiry protectionlevel special tag urlencode
"""
SILENT_FUNCTIONS = frozenset(_SILENT_FUNCTIONS.split())
"""English names of parser functions without `#` that leave no text."""
