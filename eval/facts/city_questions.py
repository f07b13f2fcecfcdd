"""Questions about the country of a city, parallel in all languages: which cities, which candidates, in which order.

The same question about the same city has the same candidates in the same order in every language. Pure functions.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from eval.facts.geonames import City


def askable_cities(cities: Iterable[City], countries: Mapping[str, Mapping[str, str]], languages: Sequence[str]) -> list[City]:
    """The cities that can be asked about in every language, by id.

    Leaves out cities without a name in one of the languages, cities that share their name with another country's city, cities
    whose name contains their country's or is contained in it (Mexico City) in any language, and cities of unnamed countries.
    """
    named = [city for city in cities if all(city.names.get(language) for language in languages) and city.country in countries]
    shared = {
        language: Counter(name for name, _ in {(city.names[language].casefold(), city.country) for city in named})
        for language in languages
    }
    return sorted(
        (
            city
            for city in named
            if all(
                shared[language][city.names[language].casefold()] == 1
                and not _gives_answer_away(city.names[language], countries[city.country][language])
                for language in languages
            )
        ),
        key=lambda city: int(city.id),
    )


def _gives_answer_away(city: str, country: str) -> bool:
    one, other = city.casefold(), country.casefold()
    return one in other or other in one


def draw_cities(cities: Sequence[City], count: int, seed: int) -> list[City]:
    """`count` cities by a hash of seed and id, in the order of ids: a larger draw contains every smaller one."""
    ranked = sorted(cities, key=lambda city: hashlib.sha256(f"{seed}:{city.id}".encode()).digest())
    return sorted(ranked[:count], key=lambda city: int(city.id))


def draw_candidates(city: City, countries: Sequence[str], count: int, seed: int) -> list[str]:
    """The codes of `count` countries in a drawn order, the right one among them: the same in every language."""
    generator = random.Random(f"{seed}:{city.id}")  # noqa: S311  (not a secret)
    wrong = generator.sample([code for code in countries if code != city.country], count - 1)
    chosen = [city.country, *wrong]
    generator.shuffle(chosen)
    return chosen


def language_items(
    cities: Sequence[City], countries: Mapping[str, Mapping[str, str]], language: str, count: int, seed: int
) -> list[dict[str, object]]:
    """The items of one language with `count` candidates each, as rows of the task's data file."""
    codes = sorted({city.country for city in cities})
    rows: list[dict[str, object]] = []
    for city in cities:
        choices = draw_candidates(city, codes, count, seed)
        rows.append(
            {
                "id": city.id,
                "language": language,
                "city": city.names[language],
                "choices": [countries[code][language] for code in choices],
                "gold": choices.index(city.country),
                "attributes": {
                    "entity": city.names[language],
                    "english": city.names["en"],
                    "country": city.country,
                    "population": city.population,
                },
            }
        )
    return rows
