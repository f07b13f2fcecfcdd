import pytest

from spark_jobs.common.wiki_languages import wikipedia_codes
from spark_jobs.wikis import load_profile
from spark_jobs.wikis.template_rules import LinkTemplate, fill_pattern, parse_link_rule, parse_pattern


def argument_keys(parts: list) -> list[str]:
    keys = []
    for part in parts:
        if isinstance(part, tuple):
            keys += [key.partition(":")[0] for key in part if not key.startswith("=")]
        elif isinstance(part, list):
            keys += argument_keys(part)
    return keys


def test_every_template_rule_parses_and_repeats_no_argument():
    """A pattern that used an argument twice would let nested templates grow without bound."""
    for wiki in sorted(code.replace("-", "_") + "wiki" for code in wikipedia_codes()):
        for name, pattern in load_profile(wiki).templates.items():
            assert isinstance(name, str)
            for alternative in parse_pattern(pattern):
                keys = argument_keys(alternative)
                assert len(keys) == len(set(keys)), (wiki, name)
                all_arguments = [key for key in keys if key.startswith("*")]
                assert not all_arguments or (len(all_arguments) == 1 and not any(key.isdigit() for key in keys)), (wiki, name)


@pytest.mark.parametrize(
    ("pattern", "arguments", "text"),
    [
        ("{1}", {}, ""),
        ("{2|1}", {"1": "a"}, "a"),
        ("{2|1}", {"1": "a", "2": "b"}, "b"),
        ("{1}[ ({2}[, {3}])]", {"1": "a"}, "a"),
        ("{1}[ ({2}[, {3}])]", {"1": "a", "2": "b"}, "a (b)"),
        ("{1}[ ({2}[, {3}])]", {"1": "a", "2": "b", "3": "c"}, "a (b, c)"),
        ("{1|=en}", {}, "en"),
        ("{1}{2|=}", {"1": "a"}, "a"),
        ("{1:x,y}", {"1": "z"}, ""),
        ("{1:x,y}", {"1": "x,y"}, ""),
        ("{1:x,y|2}", {"1": "y", "2": "b"}, "y"),
        ("{1:x|2}", {"1": "z", "2": "b"}, "b"),
        ("{*, }", {}, ""),
        ("{*, }", {"1": "a", "2": "", "x": "y", "3": "c"}, "a, c"),
        ("{*|}", {"2": "b", "10": "c", "1": "a"}, "a|b|c"),
        ("{*}", {"²": "x", "1": "a"}, "a"),
        ("\n* {*\n* }", {"1": "a", "2": "b"}, "\n* a\n* b"),
        ("{1}-{2} || {1}!", {"1": "a"}, "a!"),
        ("{1}-{2} || {1}!", {"1": "a", "2": "b"}, "a-b"),
        ("{1} {2:to} {3} || {1}[ {2}]", {"1": "5", "2": "km", "3": "mi"}, "5 km"),
        ("{1}{2|=} || {1}!", {"1": "a"}, "a"),
        ("{1} || {2} || {3}c", {}, "c"),
        ("a||b", {}, "a||b"),
    ],
)
def test_a_pattern_is_filled(pattern, arguments, text):
    assert fill_pattern(pattern, arguments) == text


@pytest.mark.parametrize("pattern", ["a]", "[a", "[[a]", "a || b]", "[a || b]"])
def test_a_pattern_with_an_unbalanced_bracket_is_refused(pattern):
    with pytest.raises(ValueError, match="bracket"):
        parse_pattern(pattern)


def test_a_link_rule_has_one_pair_of_language_and_title_or_several() -> None:
    one = {"label": "{1}", "target": "{2}", "language": "{3}", "title": "{4}"}
    assert parse_link_rule(one) == LinkTemplate("{1}", "{2}", (("{3}", "{4}"),))
    several = {"label": "{1}", "target": "{2}", "titles": [["{3}", "{4}"], ["en", "{5}"]]}
    assert parse_link_rule(several).titles == (("{3}", "{4}"), ("en", "{5}"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"titel": "{4}"}, "has label, target, and language with title"),
        ({"titles": [["en", "{4}"]]}, "has label, target"),
        ({"title": 4}, "the values of a link rule must be texts"),
    ],
)
def test_a_link_rule_of_another_form_is_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_link_rule({"label": "{1}", "target": "{2}", "language": "{3}", "title": "{4}"} | change)


@pytest.mark.parametrize("titles", ["en", [["en"]], [], ["en", "{2}"]])
def test_titles_that_are_not_pairs_are_refused(titles: object) -> None:
    with pytest.raises(ValueError, match="titles must be a list of"):
        parse_link_rule({"label": "{1}", "target": "{2}", "titles": titles})
