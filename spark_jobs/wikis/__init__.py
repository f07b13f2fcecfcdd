"""What differs between wikis, as data: `load_profile("jawiki")` gives everything that the scanner must know of one Wikipedia."""

from spark_jobs.common.wiki_languages import canonical_code, language_of, wiki_of_language
from spark_jobs.wikis.siteinfo import MagicWords, Namespace, SiteInfo, sort_words
from spark_jobs.wikis.title_cleaning import NameRules, clean_name, name_rules
from spark_jobs.wikis.wiki_profile import WikiProfile, load_profile

__all__ = [
    "MagicWords",
    "NameRules",
    "Namespace",
    "SiteInfo",
    "WikiProfile",
    "canonical_code",
    "clean_name",
    "language_of",
    "load_profile",
    "name_rules",
    "sort_words",
    "wiki_of_language",
]
