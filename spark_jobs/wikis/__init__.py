"""What differs between wikis, as data: `load_profile("jawiki")` gives everything that the scanner must know of one Wikipedia."""

from spark_jobs.wikis.languages import canonical_code, language_of, wiki_of_language
from spark_jobs.wikis.names import NameRules, clean_name, name_rules
from spark_jobs.wikis.profiles import WikiProfile, load_profile
from spark_jobs.wikis.siteinfo import Namespace, SiteInfo

__all__ = [
    "NameRules",
    "Namespace",
    "SiteInfo",
    "WikiProfile",
    "canonical_code",
    "clean_name",
    "language_of",
    "load_profile",
    "name_rules",
    "wiki_of_language",
]
