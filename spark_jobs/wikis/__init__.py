"""What differs between wikis, as data: `load_profile("jawiki")` gives everything that the scanner must know of one Wikipedia."""

from spark_jobs.wikis.languages import canonical_code, language_of, wiki_of_language
from spark_jobs.wikis.names import NameRules, clean_name, name_rules
from spark_jobs.wikis.profiles import WikiProfile, load_profile
from spark_jobs.wikis.siteinfo import MagicWords, Namespace, SiteInfo, sort_words
from spark_jobs.wikis.siteinfo_file import SiteInfoError, read_siteinfo_file

__all__ = [
    "MagicWords",
    "NameRules",
    "Namespace",
    "SiteInfo",
    "SiteInfoError",
    "WikiProfile",
    "canonical_code",
    "clean_name",
    "language_of",
    "load_profile",
    "name_rules",
    "read_siteinfo_file",
    "sort_words",
    "wiki_of_language",
]
