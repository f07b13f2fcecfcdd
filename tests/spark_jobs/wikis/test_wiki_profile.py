import pickle

import pytest

from spark_jobs.wikis import Namespace, SiteInfo, load_profile
from spark_jobs.wikis.wiki_profile import section_key


def test_a_profile_is_small_and_survives_pickling():
    data = pickle.dumps(load_profile("jawiki"))
    assert len(data) < 32_000
    assert pickle.loads(data) == load_profile("jawiki")
    assert hash(pickle.loads(data)) == hash(load_profile("jawiki"))


def siteinfo(wiki: str = "jawiki", case: str = "first-letter") -> SiteInfo:
    spaces = (
        Namespace(0, case, ""),
        Namespace(6, "first-letter", "絵"),
        Namespace(3000, "first-letter", "新空間"),
        Namespace(12, "first-letter", "ポータル"),
        Namespace(2300, "case-sensitive", "Gadget"),
    )
    return SiteInfo(wiki, "ja", "https://ja.wikipedia.org/", case, spaces)


def test_the_dump_wins_over_the_packaged_data():
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
    with pytest.raises(ValueError, match="the dump belongs to 'enwiki', the profile to 'jawiki'"):
        load_profile("jawiki").with_siteinfo(siteinfo("enwiki"))


def test_a_chosen_variant_comes_first_then_its_fallbacks():
    assert load_profile("zhwiki").with_variant("zh-hk").variants[:3] == ("zh-hk", "zh-mo", "zh-hant")


def test_a_variant_that_the_wiki_lacks_is_refused():
    with pytest.raises(ValueError, match="enwiki has no language variant 'zh-tw'"):
        load_profile("enwiki").with_variant("zh-tw")


def test_headings_compare_without_case_and_colon():
    assert section_key("  See   Also: ") in load_profile("enwiki").dropped_sections
