"""Language codes, wiki ids and interwiki prefixes."""

import unicodedata

import pytest

from spark_jobs.common.wiki_languages import MULTILINGUAL, canonical_code, interwiki_prefix, language_codes, wikipedia_codes
from spark_jobs.wikis import language_of, wiki_of_language
from spark_jobs.wikis.language_files import read_language_file
from spark_jobs.wikis.profile_assembly import read_packaged_siteinfo


def test_the_known_wikipedias_are_those_of_the_packaged_siteinfo() -> None:
    codes = language_codes()["wikipedias"]
    shared = {code for code in codes if read_language_file(code).site_configuration_of}
    assert shared == {"be-x-old"}
    assert set(codes) == read_packaged_siteinfo().keys() - MULTILINGUAL | shared
    assert len(set(codes)) == len(codes)


def test_the_table_is_in_nfc_as_the_text_of_dumps_is(repository) -> None:
    assert unicodedata.is_normalized("NFC", (repository / "spark_jobs/common/language_codes.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("wiki", "language"),
    [
        ("jawiki", "ja"),
        ("nowiki", "no"),
        ("simplewiki", "simple"),
        ("zh_yuewiki", "zh-yue"),
        ("zh_min_nanwiki", "zh-min-nan"),
        ("be_x_oldwiki", "be-x-old"),
        ("bat_smgwiki", "bat-smg"),
    ],
)
def test_a_wiki_has_the_code_that_langlinks_hold(wiki, language):
    assert language_of(wiki) == language
    assert wiki_of_language(language) == wiki


@pytest.mark.parametrize("wiki", ["wiki", "enwiktionary", "en", ""])
def test_an_id_that_does_not_belong_to_a_wikipedia_is_refused(wiki):
    with pytest.raises(ValueError, match="is not a Wikipedia"):
        language_of(wiki)


@pytest.mark.parametrize(
    ("code", "wiki"),
    [
        ("nb", "nowiki"),
        ("yue", "zh_yuewiki"),
        ("be-tarask", "be_x_oldwiki"),
        ("lzh", "zh_classicalwiki"),
        ("EN", "enwiki"),
        ("xx", None),
    ],
)
def test_old_and_new_codes_are_understood(code, wiki):
    assert wiki_of_language(code) == wiki


def test_an_alias_leads_to_a_wiki_that_exists():
    for alias in language_codes()["aliases"]:
        assert canonical_code(alias) in wikipedia_codes(), alias


def test_an_article_title_is_not_an_interwiki_prefix():
    assert interwiki_prefix("Star Trek", "en") is None
    assert interwiki_prefix("wikidata", "en") is not None
