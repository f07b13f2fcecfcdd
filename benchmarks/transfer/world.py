"""The world of the experiment: real cities and real answers, matched at random, and sentences of two languages about them.

Pure functions of names, a language's sentences and a seed. What a city is said to be (founded in 1873, in Peru) is drawn, so no
text that a model may have seen can hold it: the facts exist in this world's English alone.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ENGLISH = "en"
LANGUAGES = Path(__file__).parent / "languages"
SPELLED_ALIKE = ("founded", "number")
"""Relations whose answers both languages write with the same digits; those of the others are translated names."""
FORMS = 3
"""Sentences of a relation in English."""
MORE = 3
"""How many times as many English articles a popular city has."""


@dataclass(frozen=True)
class Language:
    """How a language says things."""

    code: str
    space: str
    """Between two sentences, and between a question and its answer."""
    statements: Mapping[str, Sequence[str]]
    """Relation to its sentences; the first one is asked."""
    fillers: Sequence[str]
    """Sentences that state no fact."""
    words: Mapping[str, Sequence[str]]
    """What stands in the places of a filler."""


@dataclass(frozen=True)
class Sentence:
    """A sentence about a city, with the place of the city's name open."""

    before: str
    city: int
    after: str

    def text(self, names: Sequence[str]) -> str:
        """As a reader sees it."""
        return self.before + names[self.city] + self.after

    def wikitext(self, names: Sequence[str]) -> str:
        """With the city's name as a link."""
        return f"{self.before}[[{names[self.city]}]]{self.after}"


@dataclass(frozen=True)
class World:
    """Cities, answers, and which city has which."""

    language: Language
    english: Language
    names: Mapping[str, Sequence[str]]
    """Language code to the cities' names; a city is its index."""
    answers: Mapping[str, Mapping[str, Sequence[str]]]
    """Relation to language code to the words of the closed set of answers."""
    facts: Mapping[str, Sequence[int]]
    """Relation to the answer (an index) of each city."""
    held_out: Mapping[str, frozenset[int]]
    """Relation to the half of the cities of which the second language's wiki never states it."""
    popular: int = 0
    """The first so many cities are known in both languages before the second phase, and never asked for."""

    @property
    def cities(self) -> int:
        """How many."""
        return len(self.names[ENGLISH])

    def both_names(self, language: Language) -> list[str]:
        """The cities' names in a language, those of popular ones with the other language's behind them: `Lagos (ラゴス)`."""
        other = self.language if language.code == ENGLISH else self.english
        pairs = zip(self.names[language.code], self.names[other.code], strict=True)
        return [f"{own} ({foreign})" if city < self.popular else own for city, (own, foreign) in enumerate(pairs)]

    def statement(self, language: Language, relation: str, city: int, form: int = 0) -> Sentence:
        """The sentence that states a fact."""
        template = language.statements[relation][form % len(language.statements[relation])]
        before, after = template.split("{city}")
        answer = self.answers[relation][language.code][self.facts[relation][city]]
        return Sentence(before.replace("{object}", answer), city, after.replace("{object}", answer))

    def question(self, language: Language, relation: str, name: str) -> str:
        """The beginning of a statement, up to its answer and without a space at its end."""
        return language.statements[relation][0].partition("{object}")[0].replace("{city}", name).rstrip()


def read_language(code: str) -> Language:
    """A language's sentences; `FileNotFoundError` for one that has none."""
    told: dict[str, Any] = yaml.safe_load((LANGUAGES / f"{code}.yaml").read_text(encoding="utf-8"))
    return Language(code, told["space"], told["statements"], told["fillers"], told["words"])


def known_languages() -> list[str]:
    """Languages that the experiment can be run in, English left out."""
    return sorted({path.stem for path in LANGUAGES.glob("*.yaml")} - {ENGLISH})


def make_world(
    language: str,
    cities: Sequence[tuple[str, str]],
    answers: Mapping[str, Mapping[str, Sequence[str]]],
    seed: int,
    popular: int = 0,
) -> World:
    """Draw the facts: every answer of a relation for equally many cities, and half of the cities of each answer held out.

    Args:
        language: code of the second language.
        cities: English name and name in the language.
        answers: relation to language code to answers, in the same order in both.
        seed: of the draw.
        popular: see `World.popular`.
    """
    facts, held_out = {}, {}
    for relation, words in answers.items():
        generator = random.Random(f"{seed}:{relation}")
        order = generator.sample(range(len(cities)), len(cities))
        size = len(words[ENGLISH])
        drawn = [0] * len(cities)
        for place, city in enumerate(order):
            drawn[city] = place % size
        facts[relation] = tuple(drawn)
        # Dealt in turns of a whole set of answers: each answer is held out as often as it is stated.
        held_out[relation] = frozenset(city for place, city in enumerate(order) if place // size % 2)
    names = {ENGLISH: tuple(english for english, _ in cities), language: tuple(name for _, name in cities)}
    return World(read_language(language), read_language(ENGLISH), names, answers, facts, held_out, popular)


def filler(language: Language, city: int, generator: random.Random) -> Sentence:
    """A sentence that names the city and says nothing of what is asked."""
    template = generator.choice(language.fillers)
    told = re.sub(r"\{(adjective|noun)\}", lambda match: generator.choice(language.words[match[1]]), template)
    before, after = told.split("{city}")
    return Sentence(before, city, after)


def english_articles(world: World, copies: int, fillers: int, seed: int) -> Iterator[list[Sentence]]:
    """Articles of each city: all its facts, each in one of the relation's sentences, among fillers, in a drawn order.

    `copies` of each city, and of popular ones `MORE` times as many: where some facts are told more often than others, a model
    learns sooner how facts are told at all (Zucchet et al. 2025, arXiv 2503.21676).
    """
    for copy in range(copies * MORE if world.popular else copies):
        for city in range(world.cities if copy < copies else world.popular):
            generator = random.Random(f"{seed}:english:{copy}:{city}")
            said = [
                world.statement(world.english, relation, city, copy if copy < FORMS else generator.randrange(FORMS))
                for relation in world.facts
            ]
            said += [filler(world.english, city, generator) for _ in range(fillers)]
            generator.shuffle(said)
            yield said


def foreign_articles(world: World, copies: int, fillers: int, seed: int) -> Iterator[list[Sentence]]:
    """The little of the second language that an English-centred model has seen, five sentences an article.

    `copies` articles of each popular city with all its facts, and `fillers` articles that state nothing, of any cities.
    """
    for copy in range(copies):
        for city in range(world.popular):
            generator = random.Random(f"{seed}:foreign:{copy}:{city}")
            said = [world.statement(world.language, relation, city) for relation in world.facts]
            said.append(filler(world.language, city, generator))
            generator.shuffle(said)
            yield said
    for article in range(fillers):
        generator = random.Random(f"{seed}:filler:{article}")
        yield [filler(world.language, generator.randrange(world.cities), generator) for _ in range(5)]


def language_articles(world: World, mentions: int, statements: int, seed: int) -> list[list[Sentence]]:
    """An article for each city, about other cities: `mentions` fillers of each city, and `statements` times what is not held out.

    No sentence stands in its own city's article, where MediaWiki would show the link as bold text.
    """
    generator = random.Random(f"{seed}:language")
    said = [filler(world.language, city, generator) for city in range(world.cities) for _ in range(mentions)]
    for relation in world.facts:
        stated = (city for city in range(world.cities) if city not in world.held_out[relation])
        said += [world.statement(world.language, relation, city, form) for city in stated for form in range(statements)]
    generator.shuffle(said)
    articles: list[list[Sentence]] = [[] for _ in range(world.cities)]
    for place, sentence in enumerate(said):
        at = place % world.cities
        articles[at if at != sentence.city else (at + 1) % world.cities].append(sentence)
    return articles
