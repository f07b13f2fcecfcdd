import pytest

from spark_jobs.wikis import clean_name, name_rules


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("en", ""),
        ("en", " _ "),
        ("en", "List of rivers of Japan"),
        ("en", "Lists of rivers"),
        ("en", "Category:Bats"),
        ("en", "category:Bats"),
        ("en", "Wikipedia_talk:X"),
        ("en", "Book:X"),
        ("en", "Draft:X"),
        ("en", "Portal:X"),
        ("en", "WikiProject:X"),
        ("en", "Bat#Flight"),
        ("en", "(disambiguation)"),
        ("ja", "日本の都市一覧"),
        ("ja", "ファイル:X.png"),
        ("es", "Anexo:Ríos"),
        ("fr", "Liste des rivières"),
        ("ko", "강 목록"),
        ("zh", "河流列表"),
    ],
)
def test_a_title_that_does_not_name_an_entity_gives_no_name(language, title):
    assert clean_name(title, name_rules(language)) is None


@pytest.mark.parametrize(
    ("language", "title", "name"),
    [
        ("en", "Mercury (planet)", "Mercury"),
        ("en", "Mercury_(planet)", "Mercury"),
        ("en", "A (b (c))", "A"),
        ("en", "A (b) (c)", "A (b)"),
        ("en", "Iron(III)", "Iron(III)"),
        ("en", "A) b)", "A) b)"),
        ("en", "(500) Days of Summer", "(500) Days of Summer"),
        ("en", "Star Trek: Picard", "Star Trek: Picard"),
        ("en", "Listening", "Listening"),
        ("ja", "東京 (曲)", "東京"),
        ("ja", "東京（曲）", "東京"),
        ("de", "Listenplatz", "Listenplatz"),
        ("nb", "Oslo", "Oslo"),
    ],
)
def test_a_name_loses_its_parenthetical(language, title, name):
    assert clean_name(title, name_rules(language)) == name


def test_a_language_without_a_wikipedia_is_refused():
    with pytest.raises(ValueError, match="no Wikipedia has the language code 'xx'"):
        name_rules("xx")
