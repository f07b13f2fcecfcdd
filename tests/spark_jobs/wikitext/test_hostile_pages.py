"""Hostile pages: no error except `WikitextError`, and linear time in CPU seconds, which do not depend on the load."""

import gc
import time
from contextlib import suppress

import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Budget, Extraction, Options, WikitextError, extract

from .hostile_pages import PAGES, one_draw, repeated

WIKI = "zhwiki"
"""It uses every pass, variants included."""
SECONDS_PER_MEGABYTE = 2.0
GROWTH = 8.0
"""Allowed factor of CPU time for four times the size: linear is 4, quadratic 16."""
ALLOWANCE = 0.05
"""Seconds that newly allocated memory may add, which the smaller page finds allocated."""
ATTEMPTS = 3
MEGABYTE = 1_000_000
DEFAULT = Options()


def check(page: Extraction) -> None:
    last = 0
    for link in page.links:
        assert last <= link.start < link.end <= len(page.text)
        last = link.end
    assert all(0 <= section.start <= section.end <= len(page.text) for section in page.sections)
    assert not any(character < " " and character not in "\n\t" for character in set(page.text))


def cpu_seconds(wikitext: str, options: Options = DEFAULT) -> float:
    """CPU time of one extraction, also if it ends in `WikitextError`.

    The garbage collector is off: its work depends on the rest of the process.
    """
    profile = load_profile(WIKI)
    page = None
    gc.disable()
    try:
        started = time.process_time()
        with suppress(WikitextError):
            page = extract(wikitext, profile, options)
        seconds = time.process_time() - started
    finally:
        gc.enable()
    if page is not None:
        check(page)
    return seconds


@pytest.mark.parametrize("name", PAGES)
def test_a_small_hostile_page_costs_little(name):
    """A quadratic pass takes seconds at 100 kB, a linear one about a tenth of a second."""
    assert cpu_seconds(PAGES[name](MEGABYTE // 10)) < 1.0


@pytest.mark.parametrize("name", [name for name in PAGES if "|" in name or "table" in name or "math" in name or "salad" in name])
def test_a_small_hostile_page_costs_little_with_all_options(name):
    everything = Options(tables="text", math="latex", drop_sections=False)
    assert cpu_seconds(PAGES[name](MEGABYTE // 10), everything) < 1.5


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_hostile_page_of_four_times_the_size_costs_four_times_the_time(name):
    once, four_times = PAGES[name](MEGABYTE // 4), PAGES[name](MEGABYTE)
    small, large = cpu_seconds(once), cpu_seconds(four_times)
    for _ in range(ATTEMPTS - 1):
        if large < SECONDS_PER_MEGABYTE and large <= GROWTH * small + ALLOWANCE:
            break
        small, large = min(small, cpu_seconds(once)), min(large, cpu_seconds(four_times))
    assert large < SECONDS_PER_MEGABYTE
    assert large <= GROWTH * small + ALLOWANCE


@pytest.mark.parametrize("wiki", ["enwiki", "srwiki", "iswiki", "arwiki", "hewiki", "kkwiki", "jbowiki"])
def test_random_mixtures_fulfil_the_contract(wiki):
    """These wikis differ in variants, link prefixes and case."""
    for seed in range(40):
        check(extract(one_draw(seed)(4_000), load_profile(wiki)))


@pytest.mark.parametrize(
    ("budget", "unit", "reason"),
    [
        (Budget(source_characters=1000), "x", "characters of wikitext: 2,000 are more than the budget of 1,000"),
        (Budget(text_characters=1000), "x", "characters of text: 2,000 are more than the budget of 1,000"),
        (Budget(delimiters=100), "{{a}}", "runs of braces: 800 are more than the budget of 100"),
        (Budget(delimiters=100), "-{a}-", "variant markers: 800 are more than the budget of 100"),
        (
            Budget(copied_characters=100),
            "{{nowrap|abc}}",
            "characters copied out of templates: 102 are more than the budget of 100",
        ),
    ],
)
def test_a_page_over_the_budget_is_refused_with_the_reason(budget, unit, reason):
    with pytest.raises(WikitextError) as refused:
        extract(repeated(unit)(2000), load_profile(WIKI), Options(budget=budget))
    assert refused.value.reason == reason


def test_a_refusal_costs_little():
    page = "{{lang|en|" * 900_000
    started = time.process_time()
    with pytest.raises(WikitextError, match="characters of wikitext"):
        extract(page, load_profile(WIKI))
    assert time.process_time() - started < 0.05


@pytest.mark.parametrize(
    "left", ["{{lang|en|", "{{a|", "{{{a|", "-{", "-{zh-cn:", "[[a|", "[[File:a|", "\n{|\n|", "<ruby>", "<div>"]
)
def test_nesting_deeper_than_the_recursion_limit_is_accepted(left):
    check(extract(left * 20_000 + "x", load_profile(WIKI)))
