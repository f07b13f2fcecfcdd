"""Cities and countries with names in English and Japanese."""

from eval.facts.geonames import City

COUNTRIES = {
    "EG": {"en": "Egypt", "ja": "エジプト"},
    "MX": {"en": "Mexico", "ja": "メキシコ"},
    "JP": {"en": "Japan", "ja": "日本"},
    "FR": {"en": "France", "ja": "フランス"},
}


def city(id_, country, en, ja, population=100_000):
    return City(id_, country, population, {"en": en, "ja": ja})
