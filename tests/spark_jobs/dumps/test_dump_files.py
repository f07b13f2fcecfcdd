import pytest

from spark_jobs.dumps.dump_files import DumpError, find_dump

JA = "jawiki-20240101-"
XML, STREAMS, LINKS = f"{JA}pages-articles.xml.bz2", f"{JA}pages-articles-multistream.xml.bz2", f"{JA}langlinks.sql.gz"


@pytest.mark.parametrize(
    ("paths", "missing"),
    [
        ([], "found pages of no day; langlinks of no day"),
        ([XML], "found pages of 20240101; langlinks of no day"),
        ([LINKS], "found pages of no day; langlinks of 20240101"),
        ([XML, "jawiki-20240201-langlinks.sql.gz"], "found pages of 20240101; langlinks of 20240201"),
        ([f"{JA}pages-meta-history1.xml-p1p9.bz2", LINKS], "pages-meta-history1.* holds all revisions of its pages"),
        ([f"{JA}pages-articles-multistream-index.txt.bz2", LINKS], "found pages of no day"),
        (["xjawiki-20240101-pages-articles.xml.bz2", LINKS], "found pages of no day"),
        (["jawiki-٢٠٢٤٠١٠١-pages-articles.xml.bz2", LINKS], "found pages of no day"),
        ([XML, "jawiki-２０２４０１０１-langlinks.sql.gz"], "langlinks of no day"),
        ([f"{JA}pages-articles１.xml.bz2", LINKS], "found pages of no day"),
    ],
)
def test_an_incomplete_dump_is_refused_with_the_missing_files(paths: list[str], missing: str) -> None:
    with pytest.raises(DumpError, match=missing):
        find_dump(paths, "jawiki")


@pytest.mark.parametrize(
    ("paths", "pages"),
    [
        ([XML, LINKS], (XML,)),
        ([XML, STREAMS, LINKS], (STREAMS,)),
        ([f"{JA}pages-meta-current.xml.bz2", LINKS], (f"{JA}pages-meta-current.xml.bz2",)),
        ([f"{JA}pages-meta-current.xml.bz2", f"{JA}pages-articles.xml.xz", LINKS], (f"{JA}pages-articles.xml.xz",)),
        ([f"{JA}pages-articles.xml.zst", f"{JA}pages-articles.xml.xz", LINKS], (f"{JA}pages-articles.xml.zst",)),
        ([f"a/b/{XML}", f"c/{LINKS}"], (f"a/b/{XML}",)),
        ([f"{JA}pages-articles.xml", LINKS], (f"{JA}pages-articles.xml",)),
        ([f"{JA}pages-articles.xml.gz", f"{JA}pages-articles.xml", LINKS], (f"{JA}pages-articles.xml",)),
        (
            [
                f"{JA}pages-articles2.xml-p11p20.bz2",
                f"{JA}pages-articles1.xml-p1p10.bz2",
                f"{JA}pages-articles10.xml-p90p99.bz2",
                LINKS,
            ],
            (f"{JA}pages-articles1.xml-p1p10.bz2", f"{JA}pages-articles2.xml-p11p20.bz2", f"{JA}pages-articles10.xml-p90p99.bz2"),
        ),
        ([STREAMS, f"{JA}pages-articles-multistream1.xml-p1p10.bz2", LINKS], (STREAMS,)),
    ],
)
def test_the_best_form_of_a_dump_is_chosen(paths: list[str], pages: tuple[str, ...]) -> None:
    assert find_dump(paths, "jawiki").pages == pages


def test_the_newest_complete_day_is_chosen() -> None:
    newer = "jawiki-20240201-pages-articles.xml.bz2"
    assert find_dump([XML, LINKS, newer], "jawiki").date == "20240101"
    assert find_dump([XML, LINKS, newer, "jawiki-20240201-langlinks.sql.gz"], "jawiki").date == "20240201"
    with pytest.raises(DumpError, match="jawiki-20230101"):
        find_dump([XML, LINKS], "jawiki", "20230101")


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([f"a/{XML}", f"b/{XML}", LINKS], "is there twice, as a/jawiki.* and b/jawiki"),
        ([XML, f"a/{LINKS}", f"b/{LINKS}"], "langlinks.sql.gz is there twice"),
        ([XML, LINKS, LINKS.removesuffix(".gz")], "are the same langlinks"),
        ([XML, LINKS, f"{JA}page.sql", f"{JA}page.sql.gz"], "are the same page: remove one"),
        ([XML, LINKS, f"a/{JA}siteinfo-namespaces.json", f"b/{JA}siteinfo-namespaces.json"], "is there twice"),
    ],
)
def test_a_duplicate_file_is_refused(paths: list[str], message: str) -> None:
    with pytest.raises(DumpError, match=message):
        find_dump(paths, "jawiki")


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        (["1.xml-p1p10", "2.xml-p11p20"], None),
        (["1.xml-p1p10", "2.xml-p11p15", "2.xml-p16p20"], None),
        (["2.xml-p11p20"], "page ids 1 to 10"),
        (["1.xml-p1p10", "3.xml-p21p30", "5.xml-p41p50"], "page ids 11 to 20, 31 to 40"),
        (["1.xml", "2.xml"], None),
        (["1.xml", "4.xml"], "part 2, 3"),
    ],
)
def test_parts_that_are_missing_are_named(parts: list[str], missing: str | None) -> None:
    assert find_dump([LINKS, *(f"{JA}pages-articles{part}.bz2" for part in parts)], "jawiki").missing == missing


def test_optional_files_of_the_same_day_are_found() -> None:
    paths = [XML, LINKS, f"{JA}page.sql.gz", f"x/{JA}page_props.sql.gz", f"{JA}siteinfo-namespaces.json.gz"]
    assert find_dump([*paths, "jawiki-20230101-redirect.sql.gz"], "jawiki").optional == {
        "page": f"{JA}page.sql.gz",
        "page_props": f"x/{JA}page_props.sql.gz",
        "siteinfo-namespaces": f"{JA}siteinfo-namespaces.json.gz",
    }
