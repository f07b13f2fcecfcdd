"""`WikiProfile`: everything that the scanner must know of one Wikipedia, in one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any

from spark_jobs.wikis.first_letter import upper_first
from spark_jobs.wikis.language_files import read_language_file
from spark_jobs.wikis.siteinfo import CaseRule, MagicWords, SiteInfo
from spark_jobs.wikis.template_redirects import add_rules_of_targets, resolve_template_redirects
from spark_jobs.wikis.template_rules import LinkTemplate

NAMESPACE_MEDIA, NAMESPACE_ARTICLE = -2, 0
NAMESPACE_FILE, NAMESPACE_TEMPLATE, NAMESPACE_CATEGORY = 6, 10, 14


def namespace_key(name: str) -> str:
    """A namespace name as profiles look it up: spaces collapsed, lower case; `wikipedia_Talk` and `Wikipedia talk` are one.

    Lower case as in MediaWiki, letter by letter: without a special case for a capital sigma at the end of a word.
    """
    name = " ".join(name.replace("_", " ").split())
    return name.lower() if name.isascii() else "".join([letter.lower() for letter in name])


def section_key(title: str) -> str:
    """A heading as profiles look it up: case folded, white space collapsed, without a colon at the end."""
    return " ".join(title.split()).casefold().rstrip(":： ")


@dataclass(frozen=True, eq=True)
class WikiProfile:
    """The properties in which wikis differ. Made by `load_profile`; immutable, picklable, equal when all fields are equal."""

    wiki: str
    """Id of the wiki: `jawiki`."""
    language: str
    """Language code as langlinks hold it: `ja`, `zh-min-nan`, `no`."""
    case: CaseRule
    """`first-letter`: `[[apple]]` is `[[Apple]]`; `case-sensitive`: they differ."""
    namespaces: Mapping[str, int]
    """Name as `namespace_key` writes it -> number: local names, the canonical English names and aliases."""
    namespace_names: Mapping[int, str]
    """Number -> local name, as titles show it."""
    link_trail: str
    """Regular expression of the letters after `]]` that join the link's text; empty where none do."""
    redirect_words: tuple[str, ...]
    """First words of a redirect, `#REDIRECT` included; compared without case."""
    switches: tuple[str, ...]
    """Behaviour switches in the wiki's language (`__目次__`); the scanner knows the upper-case English ones."""
    page_settings: frozenset[str] = frozenset()
    """Words in braces that set a property of the page and show nothing (`DEFAULTSORT`), in all spellings of the wiki."""
    functions: Mapping[str, str] = field(default_factory=dict)
    """Parser functions that leave text, in the wiki's language (see `MagicWords`) -> English name: `{"минус": "lc"}`."""
    variables: frozenset[str] = frozenset()
    """Words in braces that name a variable (`PAGENAME`), in the wiki's language; the scanner knows the English ones."""
    case_sensitive_namespaces: frozenset[int] = frozenset()
    """Namespaces whose titles keep their first letter even if `case` is `first-letter`."""
    dotted_i: bool = False
    """True if the capital of i is İ (Turkish, Azerbaijani, Karakalpak)."""
    link_prefix: str = ""
    """Character class of letters before `[[` that join the link's text; empty on nearly all wikis."""
    templates: Mapping[str, str] = field(default_factory=dict)
    """Template name -> pattern of the text that it leaves (see `template_rules`). A template without a rule leaves no text."""
    link_templates: Mapping[str, LinkTemplate] = field(default_factory=dict)
    """Template name -> patterns of the link that it makes, with its titles in other languages."""
    disambiguation_templates: frozenset[str] = frozenset()
    """Templates that mark a page as a list of the meanings of its title."""
    template_redirects: Mapping[str, str] = field(default_factory=dict)
    """Template name in a call -> name of the template at the end of its redirects. Set by `with_template_redirects`."""
    dropped_sections: frozenset[str] = frozenset()
    """Headings, as `section_key` writes them, of sections without prose: references, external links."""
    variants: tuple[str, ...] = ()
    """Code of the chosen language variant, then of those it falls back to; empty for a wiki without variants."""

    def __hash__(self) -> int:
        return hash((self.wiki, self.case, self.variants))

    def __reduce__(self) -> tuple[Any, ...]:
        """Unpickling equal profiles in one process, one with each task, gives one object (see `_unpickled`)."""
        return _unpickled, tuple(getattr(self, item.name) for item in fields(self))

    def capitalise(self, text: str, namespace: int = NAMESPACE_ARTICLE) -> str:
        """`text`, a title in `namespace`, with its first letter as the wiki's case rule writes it."""
        if self.case == "case-sensitive" or namespace in self.case_sensitive_namespaces:
            return text
        return upper_first(text, self.dotted_i)

    def with_siteinfo(self, siteinfo: SiteInfo) -> "WikiProfile":
        """This profile, updated with the configuration that the wiki publishes: names are added; numbers, words and rules win.

        Apply the head of the dump first, then the file beside it: the later one wins.
        Raises ValueError if `siteinfo` belongs to another wiki.
        """
        if siteinfo.wiki and siteinfo.wiki != self.wiki:
            raise ValueError(
                f"the dump belongs to {siteinfo.wiki!r}, the profile to {self.wiki!r}: use load_profile({siteinfo.wiki!r})"
            )
        spaces = [space for space in siteinfo.namespaces if space.number != NAMESPACE_ARTICLE]
        local_names = {space.number: space.name for space in spaces if space.name}
        other_names = {name: space.number for space in spaces for name in (space.canonical, *space.aliases) if name}
        words = {} if siteinfo.words is None else _fields_of_words(siteinfo.words)
        return replace(
            self,
            **words,
            case="case-sensitive" if siteinfo.case == "case-sensitive" else "first-letter",
            namespaces={
                **self.namespaces,
                **_by_key(other_names),
                **_by_key({name: number for number, name in local_names.items()}),
            },
            namespace_names={**self.namespace_names, **local_names},
            case_sensitive_namespaces=frozenset(space.number for space in spaces if space.case == "case-sensitive"),
            link_trail=self.link_trail if siteinfo.link_trail is None else siteinfo.link_trail,
            link_prefix=self.link_prefix if siteinfo.link_prefix is None else siteinfo.link_prefix,
        )

    def with_template_redirects(self, redirects: Mapping[str, str]) -> "WikiProfile":
        """This profile with redirects between templates: source -> target, names without namespace, in any spelling.

        Chains are followed once, here; redirects that form a circle are left out. A rule for an old name applies to the new name
        too: with the redirect `ill` -> `Interlanguage link`, a rule for either serves both. `Extraction.templates` then holds the
        name at the end of the redirects, so that one template has one name.
        """

        def normalise(name: str) -> str:
            return self.capitalise(" ".join(name.replace("_", " ").split()), NAMESPACE_TEMPLATE)

        resolved = resolve_template_redirects({normalise(source): normalise(target) for source, target in redirects.items()})
        known = self.templates.keys() | self.link_templates.keys()
        return replace(
            self,
            template_redirects=resolved,
            templates=add_rules_of_targets(self.templates, resolved, known),
            link_templates=add_rules_of_targets(self.link_templates, resolved, known),
            disambiguation_templates=self.disambiguation_templates.union(
                target for source, target in resolved.items() if source in self.disambiguation_templates
            ),
        )

    def with_variant(self, variant: str) -> "WikiProfile":
        """This profile with another language variant first: `load_profile("zhwiki").with_variant("zh-tw")`.

        Raises ValueError if the wiki does not have the variant.
        """
        if variant not in self.variants:
            known = ", ".join(self.variants) or "none"
            raise ValueError(f"{self.wiki} has no language variant {variant!r}; it has: {known}")
        fallbacks = read_language_file(self.language).variant_fallbacks.get(variant, ())
        return replace(self, variants=tuple(dict.fromkeys([variant, *fallbacks, *self.variants])))


@lru_cache(maxsize=64)
def _first_of_equals(profile: WikiProfile) -> WikiProfile:
    return profile


def _unpickled(*values: Any) -> WikiProfile:
    """The profile with these fields. Equal profiles are one object, so caches keyed by profile do not compare whole tables."""
    return _first_of_equals(WikiProfile(*values))


def _fields_of_words(words: MagicWords) -> dict[str, Any]:
    """The fields of a profile that a wiki's magic words set."""
    return {
        "redirect_words": words.redirect,
        "switches": words.switches,
        "page_settings": words.settings,
        "functions": words.functions,
        "variables": words.variables,
    }


def _by_key(numbers: Mapping[str, int]) -> dict[str, int]:
    return {namespace_key(name): number for name, number in numbers.items()}
