"""The properties in which wikis differ, as data: `load_profile("jawiki")` returns those of one Wikipedia for the scanner.

A language is one file of `languages/`; `languages/shared.yaml` documents the format. Other projects
import from here; the engine also imports from the modules, such as `namespace_key` from `wiki_profile`. Parsing of wikitext or
dumps does not belong here.
"""

from spark_jobs.common.wiki_languages import canonical_code, language_of, wiki_of_language
from spark_jobs.wikis.profile_assembly import load_profile
from spark_jobs.wikis.siteinfo import MagicWords, Namespace, SiteInfo, classify_magic_words
from spark_jobs.wikis.title_cleaning import NameRules, clean_name, name_rules
from spark_jobs.wikis.wiki_profile import WikiProfile

__all__ = [
    "MagicWords",
    "NameRules",
    "Namespace",
    "SiteInfo",
    "WikiProfile",
    "canonical_code",
    "classify_magic_words",
    "clean_name",
    "language_of",
    "load_profile",
    "name_rules",
    "wiki_of_language",
]
