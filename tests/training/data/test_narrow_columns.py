"""The narrow columns of a wiki, against the rows that were written."""

import numpy as np
import pytest

from training.config import DataSettings
from training.data.array_cache import ArrayCache
from training.data.corpus_errors import CorpusError
from training.data.encoded_corpus import open_corpus
from training.data.narrow_columns import read_narrow_columns


def row_groups_of(corpus, wiki="jawiki"):
    """(file, number in the file) of every row group of a wiki."""
    (opened,) = open_corpus(DataSettings(**corpus.data | {"wikis": [wiki]})).wikis
    return [(opened.files[file], number) for file, number in opened.row_groups]


def expected_columns(rows):
    return {
        "page_id": [row["page_id"] for row in rows],
        "num_tokens": [row["num_tokens"] for row in rows],
        "link_offsets": [0, *np.cumsum([len(row["name_lengths"]) for row in rows]).tolist()],
        "span_lengths": [end - start for row in rows for start, end in zip(row["entity_start"], row["entity_end"], strict=True)],
        "name_lengths": [int(length) for row in rows for length in row["name_lengths"]],
    }


def plain(columns):
    return {name: values.tolist() for name, values in columns.items()}


def test_a_shard_that_is_gone_is_an_error_and_leaves_no_entry_in_the_cache(fresh_corpus, tmp_path):
    groups = row_groups_of(fresh_corpus)
    for path in fresh_corpus.wiki("jawiki").glob("*.parquet"):
        path.unlink()
    with pytest.raises(CorpusError, match=r"row group \d of .*wiki=jawiki/part-0000\d\.parquet could not be read"):
        read_narrow_columns(groups, "f", ArrayCache(tmp_path / "cache"))
    assert not list((tmp_path / "cache").glob("columns-f-v?"))


@pytest.mark.parametrize("is_cached", [False, True])
def test_columns_are_those_of_all_rows_in_canonical_order(corpus, tmp_path, is_cached):
    cache = ArrayCache(tmp_path if is_cached else None)
    found = read_narrow_columns(row_groups_of(corpus), "f", cache)
    assert plain(found) == expected_columns(corpus.rows["jawiki"])


def test_columns_in_the_cache_are_not_read_again(corpus, tmp_path):
    first = read_narrow_columns(row_groups_of(corpus), "f", ArrayCache(tmp_path))
    assert plain(read_narrow_columns([], "f", ArrayCache(tmp_path))) == plain(first)
    assert plain(read_narrow_columns([], "another", ArrayCache(tmp_path)))["page_id"] == []


def test_without_row_groups_there_is_one_offset_and_nothing_else():
    nothing = {"page_id": [], "num_tokens": [], "link_offsets": [0], "span_lengths": [], "name_lengths": []}
    assert plain(read_narrow_columns([], "f", ArrayCache(None))) == nothing


@pytest.mark.parametrize(("length", "dtype"), [(65_535, np.uint16), (65_536, np.uint32)])
def test_lengths_take_two_bytes_unless_one_of_them_needs_four(tmp_path, write_shards_to, length, dtype):
    row = {"page_id": 7, "num_tokens": length, "input_ids": [3] * length}
    row |= {"entity_start": [0], "entity_end": [length], "name_lengths": [1], "name_ids": [5]}
    groups = row_groups_of(write_shards_to(tmp_path / "corpus", "jawiki", [row]))
    found = read_narrow_columns(groups, "f", ArrayCache(tmp_path / "other"))
    assert (found["span_lengths"].tolist(), found["span_lengths"].dtype) == ([length], dtype)
    assert found["name_lengths"].dtype == dtype
