"""Facts of a made-up world as documents."""

import json

import pytest

from eval.tasks.transfer.transfer_documents import load_documents

FILES = {"test": {"local": "{kind}_{language}.jsonl"}}


def test_without_local_files_the_command_that_writes_them_is_named():
    with pytest.raises(ValueError, match=r"data_dir is not set: python -m benchmarks\.transfer\.run writes the items"):
        load_documents(kind="asked", language="ja", folder="transfer", files=FILES)


def test_the_items_of_one_kind_in_one_language_are_read(tmp_path):
    (tmp_path / "transfer").mkdir()
    for name in ("asked_ja", "asked_ar", "stated_ja"):
        (tmp_path / "transfer" / f"{name}.jsonl").write_text(json.dumps({"id": name}) + "\n")
    found = load_documents(kind="asked", language="ja", folder="transfer", files=FILES, data_dir=str(tmp_path), unused=1)
    assert {split: list(rows) for split, rows in found.items()} == {"test": [{"id": "asked_ja"}]}
