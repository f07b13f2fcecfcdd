"""Titles as MediaWiki stores them."""

import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import normalise_title


@pytest.mark.parametrize(
    "raw",
    [
        *["", "   ", "a<b", "a[b", "a|b", "a{b}", "a\nb", "..", "./a", "a/../b", "a/.", "~~~", "x" * 256, "é" * 128],
        *["%3Cb%3E", "a%2525b", "File:", ":", "Talk::x", "a\ufffdb", "&amp;amp;", "en:" * 400],
    ],
)
def test_an_illegal_title_gives_none(raw):
    assert normalise_title(raw, load_profile("enwiki")) is None


@pytest.mark.parametrize(
    ("wiki", "raw", "text", "namespace", "fragment"),
    [
        ("enwiki", "apple", "Apple", 0, None),
        ("enwiki", "  new__york_city ", "New york city", 0, None),
        ("enwiki", "Foo#bar baz", "Foo", 0, "bar baz"),
        ("enwiki", "#bar", "", 0, "bar"),
        ("enwiki", "Foo#", "Foo", 0, None),
        ("enwiki", "C%2B%2B", "C++", 0, None),
        ("enwiki", "100%", "100%", 0, None),
        ("enwiki", "AT&amp;T", "AT&T", 0, None),
        ("enwiki", "e\u0301t\u00e9", "Été", 0, None),
        ("enwiki", "a\u3000\u00a0b", "A b", 0, None),
        ("enwiki", "image:foo.jpg", "File:Foo.jpg", 6, None),
        ("enwiki", "WP:NPOV", "Wikipedia:NPOV", 4, None),
        ("enwiki", "Terminator 2: Judgment Day", "Terminator 2: Judgment Day", 0, None),
        ("jawiki", "画像:a.png", "ファイル:A.png", 6, None),
        ("jawiki", "利用者‐会話:X", "利用者‐会話:X", 3, None),
        ("dewiki", "ß", "ß", 0, None),
        ("kawiki", "აბა", "აბა", 0, None),
        ("trwiki", "izmir", "İzmir", 0, None),
        ("jbowiki", "lojban", "lojban", 0, None),
        ("jawiki", "ja:東京", "東京", 0, None),
        ("enwiki", "x" * 255, "X" + "x" * 254, 0, None),
    ],
)
def test_a_title_is_normalised_by_its_wiki(wiki, raw, text, namespace, fragment):
    title = normalise_title(raw, load_profile(wiki))
    assert title is not None
    assert (title.wiki, title.text, title.namespace, title.fragment) == (None, text, namespace, fragment)


@pytest.mark.parametrize(
    ("raw", "wiki", "text", "language"),
    [
        (":en:foo", "enwiki", "Foo", "en"),
        ("EN:foo", "enwiki", "Foo", "en"),
        ("be-tarask:x", "be_x_oldwiki", "X", "be-x-old"),
        ("zh-min-nan:x", "zh_min_nanwiki", "X", "zh-min-nan"),
        ("wikt:foo", "jawiktionary", "foo", None),
        ("wikt:fr:mot", "frwiktionary", "mot", None),
        ("w:de:berlin", "dewiki", "Berlin", "de"),
        ("commons:foo", "commonswiki", "foo", None),
    ],
)
def test_a_prefix_leads_to_another_wiki(raw, wiki, text, language):
    title = normalise_title(raw, load_profile("jawiki"))
    assert title is not None
    assert (title.wiki, title.text, title.language) == (wiki, text, language)
