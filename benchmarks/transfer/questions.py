"""The questions of the experiment, in the form of the tasks in eval/tasks/transfer."""

import random
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.transfer.world import ENGLISH, Language, World
from training.model.translation_tags import CLOSING_TAG, OPENING_TAG

ASKED, BESIDE, IN_PLACE, STATED, SOURCE = "asked", "beside", "inplace", "stated", "source"
KINDS = (ASKED, BESIDE, IN_PLACE, STATED, SOURCE)


def task(kind: str, language: str) -> str:
    """Name of a task.

    >>> task(ASKED, "ja"), task(SOURCE, "ja")
    ('transfer_asked_ja', 'transfer_source_en')
    """
    return f"transfer_{kind}_{ENGLISH if kind == SOURCE else language}"


def questions(world: World, candidates: int, count: int, seed: int) -> Mapping[str, list[dict[str, Any]]]:
    """Kind to its items; those of one fact have one id and the same candidates in the same order.

    Held-out facts are asked in the second language (`asked`), there with the English name in tags behind the city's own
    (`beside`) and with the English name instead of it (`inplace`), and in English (`source`). `stated`: facts that the second
    language's text does state, of other cities. Popular cities are left out.
    """
    drawn = random.Random(f"{seed}:questions")
    held: list[tuple[str, int]] = []
    stated: list[tuple[str, int]] = []
    for relation in world.facts:
        asked = set(range(world.popular, world.cities))
        held += [(relation, city) for city in _draw(asked & world.held_out[relation], count, drawn)]
        stated += [(relation, city) for city in _draw(asked - world.held_out[relation], count, drawn)]
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
    words, right = world.answers[relation][language.code], world.facts[relation][city]
    generator = random.Random(f"{seed}:{relation}:{city}")
    chosen = [right, *generator.sample([answer for answer in range(len(words)) if answer != right], candidates - 1)]
    generator.shuffle(chosen)
    return {
        "id": f"{relation}/{world.names[ENGLISH][city]}",
        "context": world.question(language, relation, name),
        "choices": [words[answer] for answer in chosen],
        "gold": chosen.index(right),
        "attributes": {"relation": relation} | {code: names[city] for code, names in world.names.items()},
    }
