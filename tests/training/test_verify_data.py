"""The command that compares shards with their checksums."""

import json

from ..commands import run_module


def test_a_corpus_passes_until_a_byte_of_it_changes(fresh_corpus, run_settings, tmp_path, capsys):
    config = tmp_path / "run.yaml"
    config.write_text(json.dumps(run_settings(tmp_path / "run", data=fresh_corpus.data)))
    assert run_module("training.verify_data", "--config", config) == 0
    assert "6 shards" in capsys.readouterr().out
    path = fresh_corpus.wiki("jawiki") / "part-00000.parquet"
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    assert run_module("training.verify_data", "--config", config) == 2
    assert "1 of 6 shards differ" in " ".join(capsys.readouterr().err.split())
