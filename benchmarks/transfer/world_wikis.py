"""The articles of the world, and the dumps of its two wikis: English for the first phase, the other language for the second."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.transfer.dump_writer import DumpPage, LanglinkRow, write_dump
from benchmarks.transfer.experiment_settings import ExperimentSettings
from benchmarks.transfer.world import ENGLISH, Sentence, World, english_articles, foreign_articles, language_articles

Articles = list[list[Sentence]]
"""Sentences of each article."""


def make_articles(world: World, settings: ExperimentSettings) -> tuple[tuple[Articles, Articles], Articles]:
    """Returns ((English articles, articles of the first phase in the other language), articles of the second phase)."""
    seed, first = settings.world.seed, settings.first
    english = list(english_articles(world, first.copies, first.fillers, seed))
    fillers = round(first.foreign_fillers * world.cities)
    foreign = list(foreign_articles(world, first.foreign_copies, fillers, seed))
    return (english, foreign), language_articles(world, settings.target.mentions, settings.target.statements, seed)


def english_text(world: World, article: Sequence[Sentence]) -> str:
    """Returns the text of an English article. Its first sentence gives a popular city's name in both languages."""
    own, both = world.names[ENGLISH], world.both_names(world.english)
    return world.english.space.join(sentence.text(own if place else both) for place, sentence in enumerate(article))


def foreign_text(world: World, article: Sequence[Sentence]) -> str:
    """Returns the text of a first-phase article in the other language. The English name follows each popular city's name."""
    both = world.both_names(world.language)
    return world.language.space.join(sentence.text(both) for sentence in article)


def write_wikis(world: World, english: tuple[Articles, Articles], other: Articles, folder: Path) -> None:
    """Writes the dumps of both wikis into `folder`.

    enwiki holds the first phase. The other wiki has an article for each city, with links, and a langlink to its English name.

    Args:
        world: the cities and their names.
        english: the articles of the first phase, as `make_articles` returns them.
        other: the articles of the second phase, one for each city.
        folder: the target.
    """
    own, foreign = world.names[ENGLISH], world.names[world.language.code]
    pages = []
    for place, article in enumerate(english[0]):
        city = article[0].city
        title = own[city] if place < world.cities else f"{own[city]} ({place + 1})"
        pages.append(DumpPage(title, english_text(world, article)))
    for place, article in enumerate(english[1], start=1):
        pages.append(DumpPage(f"Text {place}", foreign_text(world, article)))
    write_dump(folder, ENGLISH, pages, [LanglinkRow(city + 1, world.language.code, name) for city, name in enumerate(foreign)])
    linked = [
        DumpPage(foreign[city], world.language.space.join(sentence.wikitext(foreign) for sentence in article))
        for city, article in enumerate(other)
    ]
    write_dump(folder, world.language.code, linked, [LanglinkRow(city + 1, ENGLISH, name) for city, name in enumerate(own)])
