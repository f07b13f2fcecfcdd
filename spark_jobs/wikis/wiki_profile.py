"""A wiki as data: everything that the scanner must know of one Wikipedia, in one frozen value."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache, lru_cache
from typing import Any

from spark_jobs.common.wiki_languages import MULTILINGUAL, canonical_code, language_codes, language_of, wikipedia_codes
from spark_jobs.wikis.first_letter import upper_first
from spark_jobs.wikis.packaged_data import read_siteinfo, read_yaml
from spark_jobs.wikis.siteinfo import CaseRule, MagicWords, SiteInfo, sort_words
from spark_jobs.wikis.template_redirects import resolve_template_redirects, rules_of_renamed
from spark_jobs.wikis.template_rules import LinkTemplate, link_template

NAMESPACE_MEDIA, NAMESPACE_SPECIAL, NAMESPACE_ARTICLE = -2, -1, 0
NAMESPACE_FILE, NAMESPACE_TEMPLATE, NAMESPACE_CATEGORY = 6, 10, 14


def namespace_key(name: str) -> str:
    """A namespace name as it is looked up: spaces collapsed, lower case; `wikipedia_Talk` and `Wikipedia talk` are one.

    Lower case as in MediaWiki, letter by letter: a capital sigma at the end of a word is no special case, and ß is not ss.
    """
    name = " ".join(name.replace("_", " ").split())
    return name.lower() if name.isascii() else "".join([letter.lower() for letter in name])


@dataclass(frozen=True, eq=True)
class WikiProfile:
    """What differs between wikis. Made by `load_profile`; immutable, picklable, equal when all fields are equal."""

    wiki: str
    """Id of the wiki: `jawiki`."""
    language: str
    """Language code as langlinks hold it: `ja`, `zh-min-nan`, `no`."""
    case: CaseRule
    """`first-letter`: `[[apple]]` is `[[Apple]]`; `case-sensitive`: they differ."""
    namespaces: Mapping[str, int]
    """Name as `namespace_key` writes it -> number: the wiki's own names, the canonical English ones and aliases."""
    namespace_names: Mapping[int, str]
    """Number -> the wiki's own name, as titles show it."""
    link_trail: str
    """Regular expression for the letters after `]]` that join the link's text; empty where none do."""
    redirect_words: tuple[str, ...]
    """First words of a redirect, `#REDIRECT` included; compared without case."""
    switches: tuple[str, ...]
    """Behaviour switches in the wiki's own words (`__目次__`); the upper-case English ones are known to the scanner."""
    page_settings: frozenset[str] = frozenset()
    """Template-like words that set something of the page and show nothing (`DEFAULTSORT`), in all spellings of the wiki."""
    functions: Mapping[str, str] = field(default_factory=dict)
    """Parser functions that leave text, in the wiki's own words (see `MagicWords`) -> English name: `{"минус": "lc"}`."""
    variables: frozenset[str] = frozenset()
    """Words in braces that are no template (`PAGENAME`), in the wiki's own words; the English ones are known to the scanner."""
    case_sensitive_namespaces: frozenset[int] = frozenset()
    """Namespaces whose titles keep their first letter although `case` is `first-letter`."""
    dotted_i: bool = False
    """Whether the capital of i is İ (Turkish, Azerbaijani, Karakalpak)."""
    link_prefix: str = ""
    """Character class of letters before `[[` that join the link's text; empty on nearly all wikis."""
    templates: Mapping[str, str] = field(default_factory=dict)
    """Name of a template that leaves text -> pattern of that text (see `rules.py`). A template in no table leaves none."""
    link_templates: Mapping[str, LinkTemplate] = field(default_factory=dict)
    """Name of a template that hands over a link, with the title in other languages -> where its parts stand."""
    disambiguation_templates: frozenset[str] = frozenset()
    """Templates that mark a page as a list of meanings."""
    template_redirects: Mapping[str, str] = field(default_factory=dict)
    """Name under which a template is called -> name of the template behind its redirects. Made by `with_template_redirects`."""
    dropped_sections: frozenset[str] = frozenset()
    """Headings, as `section_key` writes them, whose sections hold no prose: references, external links."""
    variants: tuple[str, ...] = ()
    """Codes of the chosen language variant and those it falls back to; empty where the wiki has no variants."""

    def __hash__(self) -> int:
        return hash((self.wiki, self.case, self.variants))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies that come to a process by pickle, one with every task, are one object there (see `_unpickled`)."""
        return _unpickled, tuple(getattr(self, item.name) for item in fields(self))

    def capitalise(self, text: str, namespace: int = NAMESPACE_ARTICLE) -> str:
        """The title as the wiki's case rule writes it."""
        if self.case == "case-sensitive" or namespace in self.case_sensitive_namespaces:
            return text
        return upper_first(text, self.dotted_i)

    def with_siteinfo(self, siteinfo: SiteInfo) -> "WikiProfile":
        """This profile corrected by what the wiki says of itself: its names are added, its numbers, words and rules win.

        Of two that are given one after the other, the later one wins: first the head of the dump, then the file beside it.
        Raises ValueError if they are of another wiki.
        """
        if siteinfo.wiki and siteinfo.wiki != self.wiki:
            raise ValueError(
                f"the dump is of {siteinfo.wiki!r}, the profile of {self.wiki!r}: use load_profile({siteinfo.wiki!r})"
            )
        spaces = [space for space in siteinfo.namespaces if space.number != NAMESPACE_ARTICLE]
        named = {space.number: space.name for space in spaces if space.name}
        others = {name: space.number for space in spaces for name in (space.canonical, *space.aliases) if name}
        own = {name: number for number, name in named.items()}
        words = {} if siteinfo.words is None else _word_fields(siteinfo.words)
        return replace(
            self,
            **words,
            case="case-sensitive" if siteinfo.case == "case-sensitive" else "first-letter",
            namespaces={**self.namespaces, **_by_key(others), **_by_key(own)},
            namespace_names={**self.namespace_names, **named},
            case_sensitive_namespaces=frozenset(space.number for space in spaces if space.case == "case-sensitive"),
            link_trail=self.link_trail if siteinfo.link_trail is None else siteinfo.link_trail,
            link_prefix=self.link_prefix if siteinfo.link_prefix is None else siteinfo.link_prefix,
        )

    def with_template_redirects(self, redirects: Mapping[str, str]) -> "WikiProfile":
        """This profile with redirects between templates (names without namespace, in any spelling): source -> target.

        Chains are followed here, once; what leads in a circle is left out. A template that the tables know under an old name only
        has its rule under the new one too: with the redirect `ill` -> `Interlanguage link`, a rule for either serves both.
        `Extraction.templates` then names the template at the end of its redirects, so that one template has one name.
        """

        def name(raw: str) -> str:
            return self.capitalise(" ".join(raw.replace("_", " ").split()), NAMESPACE_TEMPLATE)

        resolved = resolve_template_redirects({name(source): name(target) for source, target in redirects.items()})
        known = self.templates.keys() | self.link_templates.keys()
        return replace(
            self,
            template_redirects=resolved,
            templates=rules_of_renamed(self.templates, resolved, known),
            link_templates=rules_of_renamed(self.link_templates, resolved, known),
            disambiguation_templates=self.disambiguation_templates.union(
                target for source, target in resolved.items() if source in self.disambiguation_templates
            ),
        )

    def with_variant(self, variant: str) -> "WikiProfile":
        """This profile with another language variant first: `load_profile("zhwiki").with_variant("zh-tw")`.

        Raises ValueError where the wiki has no such variant.
        """
        if variant not in self.variants:
            known = ", ".join(self.variants) or "none"
            raise ValueError(f"{self.wiki} has no language variant {variant!r}; it has: {known}")
        fallbacks = language_codes()["variant_fallbacks"].get(variant, ())
        return replace(self, variants=tuple(dict.fromkeys([variant, *fallbacks, *self.variants])))


@lru_cache(maxsize=64)
def _first_of_equals(profile: WikiProfile) -> WikiProfile:
    return profile


def _unpickled(*values: Any) -> WikiProfile:
    """A profile of these fields; the same object each time, so that what is cached by profile need not compare whole tables."""
    return _first_of_equals(WikiProfile(*values))


@cache
def load_profile(wiki: str) -> WikiProfile:
    """The shipped profile of a Wikipedia, or of commonswiki or wikidatawiki.

    >>> load_profile("jawiki").namespaces["画像"], load_profile("jawiki").namespace_names[6]
    (6, 'ファイル')

    Raises ValueError, with the closest known ids, for a wiki that is not in the table.
    """
    known = {code.replace("-", "_") + "wiki": code for code in wikipedia_codes()}
    known |= {f"{name}wiki": name for name in MULTILINGUAL}
    known.setdefault("be_taraskwiki", "be-x-old")
    if wiki not in known:
        close = difflib.get_close_matches(wiki, known, n=4, cutoff=0.5)
        hint = f"did you mean {', '.join(close)}?" if close else "an id is a language code and 'wiki', as in jawiki or zh_yuewiki"
        raise ValueError(f"no profile for wiki {wiki!r}: {hint} ({len(known)} wikis are known)")
    if known[wiki] in MULTILINGUAL:
        return _profile(wiki, "en", known[wiki])
    return _profile(wiki, language_of(wiki), language_of(wiki))


def _profile(wiki: str, language: str, configuration: str) -> WikiProfile:
    codes = language_codes()
    site = read_siteinfo()[codes["same_configuration"].get(configuration, configuration)]
    case: CaseRule = "case-sensitive" if site["case"] == "case-sensitive" else "first-letter"
    dotted_i = language in codes["dotted_i"]
    prefix = next((row["letters"] for row in codes["link_prefix"] if language in row["languages"]), "")
    words = sort_words(own_words(language))
    templates, link_templates = _templates(language, site, dotted_i)
    return WikiProfile(
        wiki=wiki,
        language=language,
        case=case,
        namespaces={namespace_key(name): int(number) for number, names in site["namespaces"].items() for name in names if name},
        namespace_names={int(number): names[0] for number, names in site["namespaces"].items()},
        link_trail=codes["link_trail"].get(language, site["link_trail"]),
        redirect_words=tuple(dict.fromkeys([*site["redirect"], "#REDIRECT"])),
        switches=tuple(dict.fromkeys([*site["switches"], *words.switches])),
        page_settings=frozenset(site["settings"]),
        functions=words.functions,
        variables=words.variables,
        case_sensitive_namespaces=frozenset(site["case_sensitive"]),
        dotted_i=dotted_i,
        link_prefix=prefix,
        templates=templates,
        link_templates=link_templates,
        disambiguation_templates=frozenset(upper_first(name, dotted_i) for name in _listed("disambiguation.yaml", language)),
        dropped_sections=frozenset(section_key(title) for title in _listed("sections.yaml", language)),
        variants=tuple(codes["variants"].get(language, ())),
    )


def own_words(language: str) -> dict[str, list[str]]:
    """Parser functions and behaviour switches in a language's own words, by MediaWiki's name, and `switches` for all of these."""
    return {
        name: spellings
        for row in read_yaml("magic_words.yaml")
        if language in row["languages"]
        for name, spellings in row["words"].items()
    }


def _word_fields(words: MagicWords) -> dict[str, Any]:
    """What a wiki's own words set in its profile."""
    return {
        "redirect_words": words.redirect,
        "switches": words.switches,
        "page_settings": words.settings,
        "functions": words.functions,
        "variables": words.variables,
    }


def _by_key(numbers: Mapping[str, int]) -> dict[str, int]:
    return {namespace_key(name): number for name, number in numbers.items()}


def section_key(title: str) -> str:
    """A heading as it is compared: case folded, white space collapsed, without a colon at its end."""
    return " ".join(title.split()).casefold().rstrip(":： ")


def _listed(file: str, language: str) -> list[str]:
    """Entries for all wikis and those of one language of a data file `{shared: […], ja: […]}`."""
    data = read_yaml(file)
    return [*data.get("shared", ()), *data.get(language, ())]


def _templates(language: str, site: Mapping[str, Any], dotted_i: bool) -> tuple[dict[str, str], dict[str, LinkTemplate]]:
    """Text and link patterns by template name: those for all wikis, then the language's own, which win."""
    data = read_yaml("templates.yaml")
    texts: dict[str, str] = {}
    links: dict[str, LinkTemplate] = {}
    case_sensitive = site["case"] == "case-sensitive"
    for key in ("shared", language):
        group = {**dict.fromkeys(data["first_argument"].get(key, ()), "{1}"), **data.get(key, {})}
        for name, rule in group.items():
            for spelling in {name, name if case_sensitive else upper_first(name, dotted_i)}:
                texts.pop(spelling, None)
                links.pop(spelling, None)
                if isinstance(rule, str):
                    texts[spelling] = rule
                elif rule is not None:
                    links[spelling] = link_template(rule)
    for row in data["by_language"]:
        if not {"shared", language}.isdisjoint(row["wikis"]):
            for code in row["languages"]:
                name, rule = row["name"].replace("CODE", code), row["rule"]
                if isinstance(rule, str):
                    texts.setdefault(name, rule)
                else:
                    links.setdefault(name, link_template({**rule, "language": canonical_code(code)}))
    return texts, links
