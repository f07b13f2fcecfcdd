"""The wikis of the world as MediaWiki publishes them: the first phase's and the other language's."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.transfer.dump_writer import Langlink, Page, write_dump
from benchmarks.transfer.experiment_settings import ExperimentSettings
from benchmarks.transfer.world import ENGLISH, Sentence, World, english_articles, foreign_articles, language_articles

Articles = list[list[Sentence]]


def articles(world: World, settings: ExperimentSettings) -> tuple[tuple[Articles, Articles], Articles]:
    """((English ones, fillers of the first phase in the other language), the other language's)."""
    seed, first = settings.world.seed, settings.first
    english = list(english_articles(world, first.copies, first.fillers, seed))
    fillers = round(first.foreign_fillers * world.cities)
    foreign = list(foreign_articles(world, first.foreign_copies, fillers, seed))
    return (english, foreign), language_articles(world, settings.target.mentions, settings.target.statements, seed)


def english_text(world: World, said: Sequence[Sentence]) -> str:
    """An English article: the first sentence gives a popular city's name in both languages."""
    own, both = world.names[ENGLISH], world.both_names(world.english)
    return world.english.space.join(sentence.text(own if place else both) for place, sentence in enumerate(said))


def foreign_text(world: World, said: Sequence[Sentence]) -> str:
    """An article of the first phase in the other language: a popular city's name always stands with the English one."""
    both = world.both_names(world.language)
    return world.language.space.join(sentence.text(both) for sentence in said)


def write_wikis(world: World, english: tuple[Articles, Articles], other: Articles, folder: Path) -> None:
    """enwiki: the first phase. The other language's wiki: an article for each city, with links, and what they are in English."""
    own, foreign = world.names[ENGLISH], world.names[world.language.code]
    pages = []
    for place, said in enumerate(english[0]):
        city = said[0].city
        title = own[city] if place < world.cities else f"{own[city]} ({place + 1})"
        pages.append(Page(title, english_text(world, said)))
    for place, said in enumerate(english[1], start=1):
        pages.append(Page(f"Text {place}", foreign_text(world, said)))
    write_dump(folder, ENGLISH, pages, [Langlink(city + 1, world.language.code, name) for city, name in enumerate(foreign)])
    linked = [
        Page(foreign[city], world.language.space.join(sentence.wikitext(foreign) for sentence in said))
        for city, said in enumerate(other)
    ]
    write_dump(folder, world.language.code, linked, [Langlink(city + 1, ENGLISH, name) for city, name in enumerate(own)])
