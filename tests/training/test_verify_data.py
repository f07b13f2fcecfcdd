"""Reading every byte of a corpus."""

import pyarrow.parquet as pq
import pytest

from training.config import TrainSettings
from training.data.corpus_errors import CorpusError
from training.verify_data import verify


def test_a_corpus_as_it_was_published_is_said_to_be_so(run_settings, tmp_path, capsys):
    assert verify(TrainSettings(**run_settings(tmp_path / "run"))) == 0
    assert "6 shards, " in capsys.readouterr().out


def test_every_shard_that_was_changed_is_named_even_where_sizes_and_footers_are_as_before(fresh_corpus, run_settings, tmp_path):
    changed = [fresh_corpus.wiki(wiki) / "part-00001.parquet" for wiki in ("eswiki", "jawiki")]
    for path in changed:
        content = bytearray(path.read_bytes())
        begin = pq.read_metadata(path).row_group(0).column(2).data_page_offset
        content[begin + 60] ^= 1
        path.write_bytes(content)
    with pytest.raises(CorpusError, match="2 of 6 shards are not what was published") as error:
        verify(TrainSettings(**run_settings(tmp_path / "run", data=fresh_corpus.data)))
    for path in changed:
        assert f"{path} has sha256" in str(error.value)
