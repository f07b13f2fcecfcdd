"""The dumps of the world are read by the data engine."""

import doctest


def test_examples_in_docstrings_hold(load):
    assert doctest.testmod(load("dump_writer")).failed == 0


def test_the_data_engine_reads_the_dump_and_finds_the_links_and_their_names(world, tmp_path, load, cities):
    from spark_jobs.dumps.dump_files import find_dump
    from spark_jobs.dumps.sql.table_reader import read_table

    dumps = load("dump_writer")
    pages = [dumps.DumpPage(name, f"[[{cities[at - 1][1]}]] & <b>") for at, (_, name) in enumerate(cities)]
    links = [dumps.LanglinkRow(at + 1, "en", f"O'{english}") for at, (english, _) in enumerate(cities)]
    for folder in (tmp_path / "one", tmp_path / "two"):
        dumps.write_dump(folder, "ja", pages, links)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)
    found = find_dump(files, "jawiki")
    assert found.pages == ("jawiki-20240101-pages-articles-multistream.xml.bz2",)
    rows = [tuple(row.values()) for batch in read_table(tmp_path / "one" / found.langlinks) for row in batch.to_pylist()]
    assert rows == [tuple(link) for link in links]
