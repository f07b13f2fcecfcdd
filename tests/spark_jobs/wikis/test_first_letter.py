import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikis.first_letter import upper_first


@pytest.mark.parametrize(
    ("text", "upper"),
    [
        ("apple", "Apple"),
        ("élan", "Élan"),
        ("ß", "ß"),
        ("ŉ", "ŉ"),
        ("აბ", "აბ"),
        ("ǆ", "Ǆ"),
        ("ǅ", "ǅ"),
        ("я", "Я"),
        ("猫", "猫"),
        ("", ""),
        ("ı", "I"),
    ],
)
def test_the_first_letter_is_that_of_mediawiki(text, upper):
    assert upper_first(text) == upper


def test_the_capital_of_i_is_dotted_in_turkic_languages():
    for wiki in ("azwiki", "trwiki", "kaawiki", "gagwiki", "lezwiki"):
        assert load_profile(wiki).capitalise("izmir") == "İzmir", wiki
    assert load_profile("enwiki").capitalise("izmir") == "Izmir"
