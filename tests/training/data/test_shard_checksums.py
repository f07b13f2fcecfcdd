"""Checksums of whole shards."""

import pyarrow.parquet as pq
import pytest

from training.config import TrainSettings
from training.data.corpus_errors import CorpusError
from training.data.shard_checksums import verify_shards


def test_an_unchanged_corpus_passes(run_settings, tmp_path, capsys):
    assert verify_shards(TrainSettings(**run_settings(tmp_path / "run"))) == 0
    assert "6 shards, " in capsys.readouterr().out


def test_every_changed_shard_is_named_even_if_sizes_and_footers_are_unchanged(fresh_corpus, run_settings, tmp_path):
    changed = [fresh_corpus.wiki(wiki) / "part-00001.parquet" for wiki in ("eswiki", "jawiki")]
    for path in changed:
        content = bytearray(path.read_bytes())
        begin = pq.read_metadata(path).row_group(0).column(2).data_page_offset
        content[begin + 60] ^= 1
        path.write_bytes(content)
    with pytest.raises(CorpusError, match="2 of 6 shards differ from what was published") as error:
        verify_shards(TrainSettings(**run_settings(tmp_path / "run", data=fresh_corpus.data)))
    for path in changed:
        assert f"{path} has sha256" in str(error.value)
