"""A wiki as data: everything that the scanner must know of one Wikipedia, in one frozen value."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from spark_jobs.wikis.languages import canonical_code, language_of, wikipedia_codes
from spark_jobs.wikis.lettercase import upper_first
from spark_jobs.wikis.resources import read_siteinfo, read_yaml
from spark_jobs.wikis.rules import LinkTemplate, link_template
from spark_jobs.wikis.siteinfo import CaseRule, SiteInfo

NAMESPACE_MEDIA, NAMESPACE_SPECIAL, NAMESPACE_ARTICLE = -2, -1, 0
NAMESPACE_FILE, NAMESPACE_TEMPLATE, NAMESPACE_CATEGORY = 6, 10, 14


def namespace_key(name: str) -> str:
    """A namespace name as it is looked up: spaces collapsed, case folded; `wikipedia_Talk` and `Wikipedia talk` are one."""
    return " ".join(name.replace("_", " ").split()).casefold()


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
    dropped_sections: frozenset[str] = frozenset()
    """Headings, as `section_key` writes them, whose sections hold no prose: references, external links."""
    variants: tuple[str, ...] = ()
    """Codes of the chosen language variant and those it falls back to; empty where the wiki has no variants."""

    def __hash__(self) -> int:
        return hash((self.wiki, self.case, self.variants))

    def capitalise(self, text: str, namespace: int = NAMESPACE_ARTICLE) -> str:
        """The title as the wiki's case rule writes it."""
        if self.case == "case-sensitive" or namespace in self.case_sensitive_namespaces:
            return text
        return upper_first(text, self.dotted_i)

    def with_siteinfo(self, siteinfo: SiteInfo) -> "WikiProfile":
        """This profile corrected by what a dump says of itself: its names are added, its numbers and case rules win.

        Raises ValueError if the dump is of another wiki.
        """
        if siteinfo.wiki and siteinfo.wiki != self.wiki:
            raise ValueError(
                f"the dump is of {siteinfo.wiki!r}, the profile of {self.wiki!r}: use load_profile({siteinfo.wiki!r})"
            )
        spaces = [space for space in siteinfo.namespaces if space.number != NAMESPACE_ARTICLE]
        named = {space.number: space.name for space in spaces if space.name}
        return replace(
            self,
            case="case-sensitive" if siteinfo.case == "case-sensitive" else "first-letter",
            namespaces={**self.namespaces, **{namespace_key(name): number for number, name in named.items()}},
            namespace_names={**self.namespace_names, **named},
            case_sensitive_namespaces=frozenset(space.number for space in spaces if space.case == "case-sensitive"),
        )

    def with_variant(self, variant: str) -> "WikiProfile":
        """This profile with another language variant first: `load_profile("zhwiki").with_variant("zh-tw")`.

        Raises ValueError where the wiki has no such variant.
        """
        if variant not in self.variants:
            known = ", ".join(self.variants) or "none"
            raise ValueError(f"{self.wiki} has no language variant {variant!r}; it has: {known}")
        fallbacks = read_yaml("codes.yaml")["variant_fallbacks"].get(variant, ())
        return replace(self, variants=tuple(dict.fromkeys([variant, *fallbacks, *self.variants])))


@cache
def load_profile(wiki: str) -> WikiProfile:
    """The shipped profile of a Wikipedia.

    >>> load_profile("jawiki").namespaces["画像"], load_profile("jawiki").namespace_names[6]
    (6, 'ファイル')

    Raises ValueError, with the closest known ids, for a wiki that is not in the table.
    """
    known = {code.replace("-", "_") + "wiki": code for code in wikipedia_codes()}
    known.setdefault("be_taraskwiki", "be-x-old")
    if wiki not in known:
        close = difflib.get_close_matches(wiki, known, n=4, cutoff=0.5)
        hint = f"did you mean {', '.join(close)}?" if close else "an id is a language code and 'wiki', as in jawiki or zh_yuewiki"
        raise ValueError(f"no profile for wiki {wiki!r}: {hint} ({len(known)} wikis are known)")
    return _profile(wiki, language_of(wiki))


def _profile(wiki: str, language: str) -> WikiProfile:
    codes = read_yaml("codes.yaml")
    site = read_siteinfo()[codes["same_configuration"].get(language, language)]
    case: CaseRule = "case-sensitive" if site["case"] == "case-sensitive" else "first-letter"
    dotted_i = language in codes["dotted_i"]
    prefixes = codes["link_prefix"]
    templates, link_templates = _templates(language, site, dotted_i)
    return WikiProfile(
        wiki=wiki,
        language=language,
        case=case,
        namespaces={namespace_key(name): int(number) for number, names in site["namespaces"].items() for name in names if name},
        namespace_names={int(number): names[0] for number, names in site["namespaces"].items()},
        link_trail=site["link_trail"],
        redirect_words=tuple(dict.fromkeys([*site["redirect"], "#REDIRECT"])),
        switches=tuple(site["switches"]),
        page_settings=frozenset(site["settings"]),
        case_sensitive_namespaces=frozenset(site["case_sensitive"]),
        dotted_i=dotted_i,
        link_prefix=prefixes.get(prefixes["languages"].get(language, ""), ""),
        templates=templates,
        link_templates=link_templates,
        disambiguation_templates=frozenset(upper_first(name, dotted_i) for name in _listed("disambiguation.yaml", language)),
        dropped_sections=frozenset(section_key(title) for title in _listed("sections.yaml", language)),
        variants=tuple(codes["variants"].get(language, ())),
    )


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
    for group in (data["shared"], data.get(language, {})):
        for name, rule in group.items():
            for spelling in {name, name if case_sensitive else upper_first(name, dotted_i)}:
                texts.pop(spelling, None)
                links.pop(spelling, None)
                if isinstance(rule, str):
                    texts[spelling] = rule
                elif rule is not None:
                    links[spelling] = link_template(rule)
    for code in data["link_by_language"].get(language, {}).get("languages", ()):
        rule = data["link_by_language"][language]["rule"]
        filled = {key: value.replace("CODE", canonical_code(code)) if key == "language" else value for key, value in rule.items()}
        links.setdefault(f"Link-{code}", link_template(filled))
    return texts, links
