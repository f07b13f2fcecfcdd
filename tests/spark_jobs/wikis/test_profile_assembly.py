"""Profiles as `load_profile` assembles them from the packaged data, for all wikis."""

import re
import subprocess
import sys
import zipfile

import pytest

from spark_jobs.common.wiki_languages import wikipedia_codes
from spark_jobs.wikis import language_of, load_profile, wiki_of_language

ALL_WIKIS = sorted(code.replace("-", "_") + "wiki" for code in wikipedia_codes())


@pytest.mark.parametrize(("wiki", "close"), [("javiki", "jawiki"), ("enwiktionary", "enwiki"), ("zh-yuewiki", "zh_yuewiki")])
def test_an_unknown_wiki_is_refused_with_close_ones(wiki, close):
    with pytest.raises(ValueError, match=f"no profile for wiki '{wiki}'.*{close}"):
        load_profile(wiki)


def test_every_wiki_has_a_usable_profile():
    assert len(ALL_WIKIS) >= 340
    for wiki in ALL_WIKIS:
        profile = load_profile(wiki)
        assert profile.namespaces["file"] == profile.namespaces["image"] == 6, wiki
        assert profile.namespaces["category"] == 14, wiki
        assert "#REDIRECT" in profile.redirect_words, wiki
        assert language_of(wiki) == profile.language
        assert wiki_of_language(profile.language) == wiki


@pytest.mark.parametrize(
    ("language", "prefix", "joined"),
    [
        ("ar", "ال", "ال"),
        ("arz", "ال", "ال"),
        ("ar", "،", ""),
        ("hy", "նա", "նա"),
        ("is", "for–", "for–"),
        ("uk", "„", "„"),
        ("uk", "а", ""),
        ("kaa", "İı", "İı"),
        ("kaa", "қ", ""),
        ("cv", '"', '"'),
        ("uz", "ʻа", ""),
        ("uz", "aʻ", "aʻ"),
        ("en", "a", ""),
        ("be-x-old", "«", ""),
        ("kk", "«", ""),
        ("fa", "ال", ""),
    ],
)
def test_letters_before_a_link_join_it_as_in_mediawiki(language, prefix, joined):
    letters = load_profile(wiki_of_language(language)).link_prefix
    found = re.search(f"[{letters}]*$", prefix)[0] if letters else ""
    assert found == joined


@pytest.mark.parametrize(
    ("language", "after", "joined"),
    [
        ("zh", "x", ""),
        ("zh-min-nan", "x", ""),
        ("zh-yue", "xy語", "xy"),
        ("tw", "kɔɛ!", "kɔɛ"),
        ("fon", "ɖé", "ɖé"),
        ("nso", "ŠX", "ŠX"),
        ("en", "s’", "s"),
        ("ca", "l·l''", "l·l"),
        ("br", "c’hx", "c’hx"),
        ("be-x-old", "ёў", "ёў"),
    ],
)
def test_letters_after_a_link_join_it_as_in_mediawiki(language, after, joined):
    assert re.match(load_profile(wiki_of_language(language)).link_trail, after)[0] == joined


def test_every_link_trail_and_prefix_compiles_and_matches_nothing():
    for wiki in ALL_WIKIS:
        profile = load_profile(wiki)
        assert re.match(profile.link_trail, "]") is not None, wiki
        re.compile(f"[{profile.link_prefix or 'a'}]")


@pytest.mark.parametrize(
    "language", ["ar", "de", "el", "en", "es", "fr", "hi", "it", "ja", "ko", "ltg", "pt", "ru", "sw", "uk", "vi", "zh"]
)
def test_dropped_sections_and_disambiguation_are_known(language):
    profile = load_profile(f"{language}wiki")
    assert len(profile.dropped_sections) >= 4
    assert len(profile.disambiguation_templates) >= 5


def test_the_data_is_read_from_a_zip(tmp_path, repository):
    """As `spark-submit --py-files` ships it."""
    archive = tmp_path / "jobs.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(repository / "spark_jobs" / "__init__.py", "spark_jobs/__init__.py")
        for part in ("common", "wikis", "wikitext"):
            for path in (repository / "spark_jobs" / part).rglob("*"):
                packed.write(path, path.relative_to(repository).as_posix())
    code = (
        "import spark_jobs, spark_jobs.wikis as w; from spark_jobs.wikitext import extract; "
        "print(spark_jobs.__file__); print(extract('[[画像:a.png]][[猫]]', w.load_profile('jawiki')).text)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(archive)}, capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.splitlines() == [f"{archive}/spark_jobs/__init__.py", "猫"]


@pytest.mark.parametrize(("wiki", "namespace"), [("commonswiki", "Creator"), ("wikidatawiki", "Property")])
def test_the_wikis_of_all_languages_have_profiles_too(wiki: str, namespace: str) -> None:
    profile = load_profile(wiki)
    assert profile.language == "en"
    assert namespace in profile.namespace_names.values()
