"""The world of the experiment: real cities and real answers, matched at random, and sentences about them in two languages.

Pure functions of names, the sentences of a language, and a seed. The facts of a city (founded in 1873, in Peru) are drawn at
random, so no text outside this world states them.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_jobs.common.strict_yaml import read_yaml

ENGLISH = "en"
LANGUAGES = Path(__file__).parent / "languages"
SPELLED_ALIKE = ("founded", "number")
"""Relations whose answers are written with the same digits in both languages. The other answers are translated names."""
FORMS = 3
"""Number of English sentences of each relation."""
POPULAR_FACTOR = 3
"""A popular city has this many times as many English articles as another city."""


@dataclass(frozen=True)
class Language:
    """The sentences of a language."""

    code: str
    space: str
    """Separator between two sentences, and between a question and its answer."""
    statements: Mapping[str, Sequence[str]]
    """Relation -> its sentences. Questions use the first one."""
    fillers: Sequence[str]
    """Sentences without a fact."""
    words: Mapping[str, Sequence[str]]
    """Placeholder of a filler -> the words that can replace it."""


@dataclass(frozen=True)
class Sentence:
    """A sentence about a city, split at the city's name."""

    before: str
    city: int
    after: str

    def text(self, names: Sequence[str]) -> str:
        """Returns the sentence as a reader sees it."""
        return self.before + names[self.city] + self.after

    def wikitext(self, names: Sequence[str]) -> str:
        """Returns the sentence with the city's name as a link."""
        return f"{self.before}[[{names[self.city]}]]{self.after}"


@dataclass(frozen=True)
class World:
    """Cities, answers, and the answer of each city to each relation."""

    language: Language
    english: Language
    names: Mapping[str, Sequence[str]]
    """Language code -> the cities' names. A city is its index."""
    answers: Mapping[str, Mapping[str, Sequence[str]]]
    """Relation -> language code -> the closed set of answers."""
    facts: Mapping[str, Sequence[int]]
    """Relation -> the answer of each city, as an index."""
    held_out: Mapping[str, frozenset[int]]
    """Relation -> the half of the cities for which the wiki of the second language never states it."""
    popular: int = 0
    """The first `popular` cities are known in both languages before the second phase. No question asks for them."""

    @property
    def cities(self) -> int:
        """The number of cities."""
        return len(self.names[ENGLISH])

    def both_names(self, language: Language) -> list[str]:
        """Returns the cities' names in a language. Popular cities also get their other name: `Lagos (ラゴス)`."""
        other = self.language if language.code == ENGLISH else self.english
        pairs = zip(self.names[language.code], self.names[other.code], strict=True)
        return [f"{own} ({foreign})" if city < self.popular else own for city, (own, foreign) in enumerate(pairs)]

    def statement(self, language: Language, relation: str, city: int, form: int = 0) -> Sentence:
        """Returns the sentence that states a fact."""
        template = language.statements[relation][form % len(language.statements[relation])]
        before, after = template.split("{city}")
        answer = self.answers[relation][language.code][self.facts[relation][city]]
        return Sentence(before.replace("{object}", answer), city, after.replace("{object}", answer))

    def question(self, language: Language, relation: str, name: str) -> str:
        """Returns the beginning of a statement, up to its answer and without a trailing space."""
        return language.statements[relation][0].partition("{object}")[0].replace("{city}", name).rstrip()


def read_language(code: str) -> Language:
    """Reads the sentences of a language. Raises `ConfigurationError` if the language has no file."""
    content: dict[str, Any] = read_yaml(LANGUAGES / f"{code}.yaml")
    return Language(code, content["space"], content["statements"], content["fillers"], content["words"])


def known_languages() -> list[str]:
    """Returns the codes of the languages that the experiment can use as the second language."""
    return sorted({path.stem for path in LANGUAGES.glob("*.yaml")} - {ENGLISH})


def make_world(
    language: str,
    cities: Sequence[tuple[str, str]],
    answers: Mapping[str, Mapping[str, Sequence[str]]],
    seed: int,
    popular: int = 0,
) -> World:
    """Draws the facts: each answer of a relation for equally many cities, and half of the cities of each answer held out.

    Args:
        language: code of the second language.
        cities: English name and name in the language.
        answers: relation -> language code -> answers, in the same order in both languages.
        seed: seed of the draw.
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
        # Sets of all answers are held out and stated in turn, so each answer is held out as often as it is stated.
        held_out[relation] = frozenset(city for place, city in enumerate(order) if place // size % 2)
    names = {ENGLISH: tuple(english for english, _ in cities), language: tuple(name for _, name in cities)}
    return World(read_language(language), read_language(ENGLISH), names, answers, facts, held_out, popular)


def draw_filler(language: Language, city: int, generator: random.Random) -> Sentence:
    """Returns a sentence that names the city and states none of its facts."""
    template = generator.choice(language.fillers)
    sentence = re.sub(r"\{(adjective|noun)\}", lambda match: generator.choice(language.words[match[1]]), template)
    before, after = sentence.split("{city}")
    return Sentence(before, city, after)


def english_articles(world: World, copies: int, fillers: int, seed: int) -> Iterator[list[Sentence]]:
    """Yields `copies` articles of each city. An article has all facts, each in one of the relation's sentences, and fillers.

    Popular cities have `POPULAR_FACTOR` times as many articles. If a text states some facts more often than others, a model
    learns sooner how facts are stated (Zucchet et al. 2025, arXiv 2503.21676).
    """
    for copy in range(copies * POPULAR_FACTOR if world.popular else copies):
        for city in range(world.cities if copy < copies else world.popular):
            generator = random.Random(f"{seed}:english:{copy}:{city}")
            article = [
                world.statement(world.english, relation, city, copy if copy < FORMS else generator.randrange(FORMS))
                for relation in world.facts
            ]
            article += [draw_filler(world.english, city, generator) for _ in range(fillers)]
            generator.shuffle(article)
            yield article


def foreign_articles(world: World, copies: int, fillers: int, seed: int) -> Iterator[list[Sentence]]:
    """Yields the first-phase articles in the second language, as English-centred models have seen a little of it.

    These are `copies` articles of each popular city with all its facts, and `fillers` articles without a fact about any cities.
    Articles have five sentences.
    """
    for copy in range(copies):
        for city in range(world.popular):
            generator = random.Random(f"{seed}:foreign:{copy}:{city}")
            article = [world.statement(world.language, relation, city) for relation in world.facts]
            article.append(draw_filler(world.language, city, generator))
            generator.shuffle(article)
            yield article
    for number in range(fillers):
        generator = random.Random(f"{seed}:filler:{number}")
        yield [draw_filler(world.language, generator.randrange(world.cities), generator) for _ in range(5)]


def language_articles(world: World, mentions: int, statements: int, seed: int) -> list[list[Sentence]]:
    """Returns the second-phase articles, one for each city: `mentions` fillers per city, and each stated fact `statements` times.

    Held-out facts are never stated. The sentences of an article are about other cities, because MediaWiki shows a link to the
    page itself as bold text.
    """
    generator = random.Random(f"{seed}:language")
    sentences = [draw_filler(world.language, city, generator) for city in range(world.cities) for _ in range(mentions)]
    for relation in world.facts:
        stated = (city for city in range(world.cities) if city not in world.held_out[relation])
        sentences += [world.statement(world.language, relation, city, form) for city in stated for form in range(statements)]
    generator.shuffle(sentences)
    articles: list[list[Sentence]] = [[] for _ in range(world.cities)]
    for place, sentence in enumerate(sentences):
        at = place % world.cities
        articles[at if at != sentence.city else (at + 1) % world.cities].append(sentence)
    return articles
