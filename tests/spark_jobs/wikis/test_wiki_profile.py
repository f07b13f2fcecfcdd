import pickle
import re
import subprocess
import sys
import zipfile

import pytest

from spark_jobs.common.wiki_languages import canonical_code, interwiki_prefix, wikipedia_codes
from spark_jobs.wikis import Namespace, SiteInfo, language_of, load_profile, wiki_of_language
from spark_jobs.wikis.first_letter import upper_first
from spark_jobs.wikis.packaged_data import read_yaml
from spark_jobs.wikis.template_rules import fill, parse_pattern
from spark_jobs.wikis.wiki_profile import section_key

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


def test_a_profile_is_small_and_survives_pickling():
    data = pickle.dumps(load_profile("jawiki"))
    assert len(data) < 32_000
    assert pickle.loads(data) == load_profile("jawiki")
    assert hash(pickle.loads(data)) == hash(load_profile("jawiki"))


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
def test_what_is_no_wikipedia_has_no_language(wiki):
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
    for alias in read_yaml("codes.yaml")["aliases"]:
        assert canonical_code(alias) in wikipedia_codes(), alias


def test_an_article_title_is_no_interwiki_prefix():
    assert interwiki_prefix("Star Trek", "en") is None
    assert interwiki_prefix("wikidata", "en") is not None


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
def test_the_first_letter_is_mediawikis(text, upper):
    assert upper_first(text) == upper


def test_the_capital_of_i_is_dotted_where_the_language_says_so():
    for wiki in ("azwiki", "trwiki", "kaawiki", "gagwiki", "lezwiki"):
        assert load_profile(wiki).capitalise("izmir") == "İzmir", wiki
    assert load_profile("enwiki").capitalise("izmir") == "Izmir"


def siteinfo(wiki: str = "jawiki", case: str = "first-letter") -> SiteInfo:
    spaces = (
        Namespace(0, case, ""),
        Namespace(6, "first-letter", "絵"),
        Namespace(3000, "first-letter", "新空間"),
        Namespace(12, "first-letter", "ポータル"),
        Namespace(2300, "case-sensitive", "Gadget"),
    )
    return SiteInfo(wiki, "ja", "https://ja.wikipedia.org/", case, spaces)


def test_the_dump_wins_over_the_table():
    profile = load_profile("jawiki").with_siteinfo(siteinfo())
    assert profile.namespaces["絵"] == profile.namespaces["画像"] == 6
    assert profile.namespace_names[6] == "絵"
    assert profile.namespaces["新空間"] == 3000
    assert profile.namespaces["ポータル"] == 12
    assert profile.capitalise("x", 2300) == "x"
    assert load_profile("jawiki").namespace_names[6] == "ファイル"


def test_the_dumps_case_rule_wins():
    assert load_profile("jawiki").with_siteinfo(siteinfo(case="case-sensitive")).capitalise("x") == "x"


def test_a_dump_of_another_wiki_is_refused():
    with pytest.raises(ValueError, match="the dump is of 'enwiki', the profile of 'jawiki'"):
        load_profile("jawiki").with_siteinfo(siteinfo("enwiki"))


def test_a_chosen_variant_comes_first_then_its_own_fallbacks():
    assert load_profile("zhwiki").with_variant("zh-hk").variants[:3] == ("zh-hk", "zh-mo", "zh-hant")


def test_the_fallbacks_of_a_variant_are_variants_of_its_wiki():
    data = read_yaml("codes.yaml")
    known = {variant: set(variants) for variants in data["variants"].values() for variant in variants}
    for variant, fallbacks in data["variant_fallbacks"].items():
        assert set(fallbacks) <= known[variant] - {variant}, variant


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
def test_letters_before_a_link_join_it_where_mediawiki_says_so(language, prefix, joined):
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
def test_letters_after_a_link_join_it_where_mediawiki_says_so(language, after, joined):
    assert re.match(load_profile(wiki_of_language(language)).link_trail, after)[0] == joined


def test_every_link_trail_and_prefix_compiles_and_matches_nothing():
    for wiki in ALL_WIKIS:
        profile = load_profile(wiki)
        assert re.match(profile.link_trail, "]") is not None, wiki
        re.compile(f"[{profile.link_prefix or 'a'}]")


def test_a_variant_that_the_wiki_lacks_is_refused():
    with pytest.raises(ValueError, match="enwiki has no language variant 'zh-tw'"):
        load_profile("enwiki").with_variant("zh-tw")


@pytest.mark.parametrize(
    "language", ["ar", "de", "el", "en", "es", "fr", "hi", "it", "ja", "ko", "ltg", "pt", "ru", "sw", "uk", "vi", "zh"]
)
def test_dropped_sections_and_disambiguation_are_known(language):
    profile = load_profile(f"{language}wiki")
    assert len(profile.dropped_sections) >= 4
    assert len(profile.disambiguation_templates) >= 5


def test_headings_compare_without_case_and_colon():
    assert section_key("  See   Also: ") in load_profile("enwiki").dropped_sections


def test_language_keys_of_the_data_are_languages():
    for file in ("sections.yaml", "disambiguation.yaml", "templates.yaml"):
        keys = set(read_yaml(file)) - {"shared", "first_argument", "by_language"}
        assert keys <= wikipedia_codes(), (file, keys - wikipedia_codes())
    templates = read_yaml("templates.yaml")
    assert set(templates["first_argument"]) - {"shared"} <= wikipedia_codes()
    codes = read_yaml("codes.yaml")
    groups = [codes["dotted_i"], codes["link_trail"], codes["variants"], *(row["languages"] for row in codes["link_prefix"])]
    for group in (*groups, *(row["languages"] for row in read_yaml("magic_words.yaml"))):
        assert set(group) <= wikipedia_codes(), set(group) - wikipedia_codes()


def test_a_language_stands_in_one_row_of_a_table():
    for rows in (read_yaml("codes.yaml")["link_prefix"], read_yaml("magic_words.yaml")):
        languages = [language for row in rows for language in row["languages"]]
        assert len(set(languages)) == len(languages)


def argument_keys(parts: list) -> list[str]:
    keys = []
    for part in parts:
        if isinstance(part, tuple):
            keys += [key.partition(":")[0] for key in part if not key.startswith("=")]
        elif isinstance(part, list):
            keys += argument_keys(part)
    return keys


def test_every_template_rule_parses_and_repeats_no_argument():
    """A pattern that used an argument twice would let nested templates grow without bound."""
    for wiki in ALL_WIKIS:
        for name, pattern in load_profile(wiki).templates.items():
            assert isinstance(name, str)
            for alternative in parse_pattern(pattern):
                keys = argument_keys(alternative)
                assert len(keys) == len(set(keys)), (wiki, name)
                every = [key for key in keys if key.startswith("*")]
                assert not every or (len(every) == 1 and not any(key.isdigit() for key in keys)), (wiki, name)


@pytest.mark.parametrize(
    ("pattern", "arguments", "text"),
    [
        ("{1}", {}, ""),
        ("{2|1}", {"1": "a"}, "a"),
        ("{2|1}", {"1": "a", "2": "b"}, "b"),
        ("{1}[ ({2}[, {3}])]", {"1": "a"}, "a"),
        ("{1}[ ({2}[, {3}])]", {"1": "a", "2": "b"}, "a (b)"),
        ("{1}[ ({2}[, {3}])]", {"1": "a", "2": "b", "3": "c"}, "a (b, c)"),
        ("{1|=en}", {}, "en"),
        ("{1}{2|=}", {"1": "a"}, "a"),
        ("{1:x,y}", {"1": "z"}, ""),
        ("{1:x,y}", {"1": "x,y"}, ""),
        ("{1:x,y|2}", {"1": "y", "2": "b"}, "y"),
        ("{1:x|2}", {"1": "z", "2": "b"}, "b"),
        ("{*, }", {}, ""),
        ("{*, }", {"1": "a", "2": "", "x": "y", "3": "c"}, "a, c"),
        ("{*|}", {"2": "b", "10": "c", "1": "a"}, "a|b|c"),
        ("{*}", {"²": "x", "1": "a"}, "a"),
        ("\n* {*\n* }", {"1": "a", "2": "b"}, "\n* a\n* b"),
        ("{1}-{2} || {1}!", {"1": "a"}, "a!"),
        ("{1}-{2} || {1}!", {"1": "a", "2": "b"}, "a-b"),
        ("{1} {2:to} {3} || {1}[ {2}]", {"1": "5", "2": "km", "3": "mi"}, "5 km"),
        ("{1}{2|=} || {1}!", {"1": "a"}, "a"),
        ("{1} || {2} || {3}c", {}, "c"),
        ("a||b", {}, "a||b"),
    ],
)
def test_a_pattern_is_filled(pattern, arguments, text):
    assert fill(pattern, arguments) == text


@pytest.mark.parametrize("pattern", ["a]", "[a", "[[a]", "a || b]", "[a || b]"])
def test_a_pattern_with_a_loose_bracket_is_refused(pattern):
    with pytest.raises(ValueError, match="bracket"):
        parse_pattern(pattern)


def test_the_data_is_read_from_a_zip(tmp_path, repository):
    """As `spark-submit --py-files` ships it."""
    archive = tmp_path / "jobs.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(repository / "spark_jobs" / "__init__.py", "spark_jobs/__init__.py")
        for part in ("wikis", "wikitext"):
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
