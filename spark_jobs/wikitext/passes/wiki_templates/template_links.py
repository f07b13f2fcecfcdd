"""Link-bearing templates such as `{{ill}}`: rewritten as markup for the pass over links."""

import re

from spark_jobs.common.wiki_languages import canonical_code, wiki_of_language
from spark_jobs.wikis.profile_assembly import load_profile
from spark_jobs.wikis.template_rules import LinkTemplate, fill_pattern
from spark_jobs.wikitext.page_state import DROPPED, NO_TRAIL, PIPE, TEMPLATE_LINK, LinkTarget, PageState
from spark_jobs.wikitext.passes.wiki_templates.template_arguments import parse_arguments
from spark_jobs.wikitext.title_normalisation import normalise_title

_LINK_MARKUP = re.compile(r"\[\[(?:[^\[\]|]*+\|)?([^\[\]]*+)\]\]")


def mark_template_link(rule: LinkTemplate, content: str, page: PageState) -> str:
    """Markup that carries the link of a template to the pass over links. Nothing without a label; the label without a target."""
    values = parse_arguments(content)
    label = strip_link_markup(fill_pattern(rule.label, values))
    target = normalise_title(strip_link_markup(fill_pattern(rule.target, values)), page.profile)
    if not label.strip():
        return DROPPED
    if target is None or target.wiki is not None:
        return label
    names: dict[str, str] = {}
    for language, title in rule.titles:
        given = strip_link_markup(fill_pattern(language, values)).strip()
        if not given:
            continue
        code = canonical_code(given)
        wiki = wiki_of_language(code)
        foreign = (
            normalise_title(strip_link_markup(fill_pattern(title, values)), load_profile(wiki))
            if wiki and wiki != page.profile.wiki
            else None
        )
        if foreign is not None and foreign.text and foreign.wiki is None and foreign.fragment is None:
            names.setdefault(code, foreign.text)
    page.template_links.append(LinkTarget("template", None, target.text, target.fragment, names))
    return f"[[{TEMPLATE_LINK}{len(page.template_links) - 1}{PIPE}{label}]]{NO_TRAIL}"


def strip_link_markup(text: str) -> str:
    """`text` without link markup and brackets, usable as part of a link."""
    if "[" in text or "]" in text:
        text = _LINK_MARKUP.sub(r"\1", text).replace("[", "").replace("]", "")
    if TEMPLATE_LINK in text or NO_TRAIL in text:
        text = re.sub(f"{TEMPLATE_LINK}[0-9]+{PIPE}|{NO_TRAIL}", "", text)
    return text.replace("''", "") if "''" in text else text
