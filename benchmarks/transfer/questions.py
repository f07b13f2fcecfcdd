"""The questions of the experiment, in the format that the tasks in eval/tasks/transfer read."""

import random
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.transfer.world import ENGLISH, Language, World
from training.model.translation_tags import CLOSING_TAG, OPENING_TAG

ASKED, BESIDE, IN_PLACE, STATED, SOURCE = "asked", "beside", "inplace", "stated", "source"
KINDS = (ASKED, BESIDE, IN_PLACE, STATED, SOURCE)


def task_name(kind: str, language: str) -> str:
    """Returns the name of the task of a kind; questions of `SOURCE` are in English.

    >>> task_name(ASKED, "ja"), task_name(SOURCE, "ja")
    ('transfer_asked_ja', 'transfer_source_en')
    """
    return f"transfer_{kind}_{ENGLISH if kind == SOURCE else language}"


def make_questions(world: World, candidates: int, count: int, seed: int) -> Mapping[str, list[dict[str, Any]]]:
    """Returns kind -> items. Items of one fact have the same id, and the same candidates in the same order.

    Questions about held-out facts:

    - `asked`: in the second language;
    - `beside`: in the second language, with the English name in tags after the city's name;
    - `inplace`: in the second language, with the English name instead of the city's name;
    - `source`: in English.

    `stated` asks for facts of other cities, which the text in the second language states. Popular cities are left out.

    Args:
        world: the facts.
        candidates: answers to choose from in each item.
        count: items of each relation and kind.
        seed: seed of the choice of facts and candidates.
    """
    generator = random.Random(f"{seed}:questions")
    held: list[tuple[str, int]] = []
    stated: list[tuple[str, int]] = []
    for relation in world.facts:
        asked = set(range(world.popular, world.cities))
        held += [(relation, city) for city in _draw(asked & world.held_out[relation], count, generator)]
        stated += [(relation, city) for city in _draw(asked - world.held_out[relation], count, generator)]
    own, english = world.names[world.language.code], world.names[ENGLISH]
    tagged = [f"{name}{OPENING_TAG} {other}{CLOSING_TAG}" for name, other in zip(own, english, strict=True)]

    def items(facts: Iterable[tuple[str, int]], language: Language, names: Any) -> list[dict[str, Any]]:
        return [_item(world, language, relation, city, names[city], candidates, seed) for relation, city in facts]

    return {
        ASKED: items(held, world.language, own),
        BESIDE: items(held, world.language, tagged),
        IN_PLACE: items(held, world.language, english),
        STATED: items(stated, world.language, own),
        SOURCE: items(held, world.english, english),
    }


def _draw(cities: Iterable[int], count: int, generator: random.Random) -> list[int]:
    ordered = sorted(cities)
    return sorted(generator.sample(ordered, min(count, len(ordered))))


def _item(world: World, language: Language, relation: str, city: int, name: str, candidates: int, seed: int) -> dict[str, Any]:
    words, correct = world.answers[relation][language.code], world.facts[relation][city]
    generator = random.Random(f"{seed}:{relation}:{city}")
    chosen = [correct, *generator.sample([answer for answer in range(len(words)) if answer != correct], candidates - 1)]
    generator.shuffle(chosen)
    return {
        "id": f"{relation}/{world.names[ENGLISH][city]}",
        "context": world.question(language, relation, name),
        "choices": [words[answer] for answer in chosen],
        "gold": chosen.index(correct),
        "attributes": {"relation": relation} | {code: names[city] for code, names in world.names.items()},
    }
