"""The data files of the tasks `cities_<language>`: cities/<language>.jsonl."""

import json

from rich.console import Console

from eval.config import CitySettings
from eval.facts.city_questions import askable_cities, draw_cities, language_items
from eval.facts.geonames import read_cities, read_countries
from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.errors import ConfigurationError


def write_city_questions(settings: CitySettings) -> None:
    """Write the items of every language.

    Raises `ConfigurationError` without English, without a language's names, or with fewer cities than `settings.cities`.
    """
    languages = settings.languages
    if "en" not in languages:
        raise ConfigurationError("languages: 'en' is missing: the other languages are compared with it")
    countries = read_countries(languages)
    found = askable_cities(read_cities(languages, settings.locale_dir, settings.min_population), countries, languages)
    if len(found) < settings.cities:
        raise ConfigurationError(
            f"cities: {settings.cities} were requested, and {len(found)} of at least {settings.min_population:,} inhabitants "
            f"have a name in all of {', '.join(languages)}; set fewer cities or languages, or lower min_population"
        )
    chosen = draw_cities(found, settings.cities, settings.seed)
    for language in languages:
        rows = language_items(chosen, countries, language, settings.candidates, settings.seed)
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        write_text_atomically(settings.output_dir / "cities" / f"{language}.jsonl", text)
    Console().print(
        f"{len(chosen)} cities of {len({city.country for city in chosen})} countries, of {len(found)} that have a name in "
        f"{', '.join(languages)}; {settings.candidates} candidates each: {settings.output_dir / 'cities'}",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
