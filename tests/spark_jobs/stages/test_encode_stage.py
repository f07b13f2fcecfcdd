"""The stage `encode` on the sample with two real tokenizers, of 16-bit and of 32-bit ids."""

import hashlib
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from spark_jobs.common.settings import load_settings
from spark_jobs.contract.manifest import read_manifest
from spark_jobs.contract.schema_version import check_schema_version
from spark_jobs.contract.table_schemas import TOKENIZER_METADATA
from spark_jobs.stages.encode_stage import encode_wiki
from spark_jobs.tokens.article_encoder import ENTITY_COUNTERS
from spark_jobs.tokens.tokenizer_loading import load_tokenizer_source

from ..real_tokenizers import BYTE_FALLBACK, BYTE_LEVEL, write_byte_level_tokenizer


@pytest.fixture(scope="module")
def byte_level_folder(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tokenizer of more than 65,536 ids."""
    pytest.importorskip("mistral_common")
    folder = tmp_path_factory.mktemp("byte_level")
    write_byte_level_tokenizer(repository, folder)
    return folder


@pytest.mark.parametrize(("name", "id_type", "size"), [(BYTE_FALLBACK, "uint16", 32_000), (BYTE_LEVEL, "uint32", 131_072)])
@pytest.mark.parametrize("mapping", ["overlap", "exact"])
def test_the_stage_encodes_the_sample_with_any_tokenizer(
    spark, corpus, demo_settings, byte_level_folder, tmp_path, read_rows, mapping, name, id_type, size
) -> None:
    spec = demo_settings.encoding.tokenizer if name == BYTE_FALLBACK else str(byte_level_folder)
    (tmp_path / "config.yaml").write_text(demo_settings.to_yaml(), encoding="utf-8")
    overrides = [f"encode.tokenizer={spec}", "encode.name=own", f"encode.span_mapping={mapping}", f"output_dir={tmp_path}/out"]
    settings = load_settings(type(demo_settings), tmp_path / "config.yaml", [*overrides, "encode.rows_per_row_group=5"])
    shutil.copytree(corpus / "augmented" / "wiki=jawiki", tmp_path / "out" / "augmented" / "wiki=jawiki")

    (manifest,) = encode_wiki(spark, settings, "jawiki").manifests

    folder = tmp_path / "out" / "encoded" / "tokenizer=own" / "pivot=en" / "wiki=jawiki"
    assert read_manifest(folder) == manifest
    published = folder.parent.parent / "_tokenizer" / "tokenizer.json"
    for shard in manifest.shards:
        file = pq.ParquetFile(folder / shard.path)
        metadata = {key.decode(): value.decode() for key, value in file.schema_arrow.metadata.items()}
        assert TOKENIZER_METADATA.keys() <= metadata.keys()
        check_schema_version(metadata["leia.schema_version"], shard.path)
        assert metadata["leia.table"] == "encoded"
        assert (metadata["leia.pivot"], metadata["leia.span_mapping"]) == ("en", mapping)
        assert metadata["leia.special_tokens"] == "none"
        tokenizer = json.loads(metadata["leia.tokenizer"])
        assert (tokenizer["name"], tokenizer["vocab_size"], tokenizer["id_type"]) == ("own", size, id_type)
        assert tokenizer["sha256"] == hashlib.sha256(published.read_bytes()).hexdigest()
        for column in ("input_ids", "name_ids"):
            assert str(file.schema_arrow.field(column).type.value_type) == id_type
        groups = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        assert groups[:-1] == [5] * (len(groups) - 1)

    rows = [row for shard in manifest.shards for row in pq.read_table(folder / shard.path, partitioning=None).to_pylist()]
    articles = {row["page_id"]: row for row in read_rows("augmented", "jawiki")}
    assert sorted(row["page_id"] for row in rows) == sorted(articles)
    tokenizer = load_tokenizer_source(str(published), "own").load()
    for row in rows:
        assert tokenizer.decode(row["input_ids"]) == articles[row["page_id"]]["text"]
        bounds = [bound for pair in zip(row["entity_start"], row["entity_end"], strict=True) for bound in pair]
        assert bounds == sorted(bounds)
        assert all(start < end for start, end in zip(row["entity_start"], row["entity_end"], strict=True))
        assert sum(row["name_lengths"]) == len(row["name_ids"])
    if size > 2**16:
        assert max(max(row["input_ids"], default=0) for row in rows) >= 2**16

    counted = manifest.counters
    lost = counted["entities_without_token"] + counted["names_without_token"]
    assert counted["entities"] + lost == sum(len(row["entities"]) for row in articles.values())
    assert counted["entities"] == sum(len(row["entity_start"]) for row in rows)
    assert counted["tokens"] == sum(row["num_tokens"] for row in rows)
    assert counted.keys() >= ENTITY_COUNTERS.keys()
    if mapping == "exact":
        inside = counted["entities_that_begin_inside_a_token"], counted["entities_that_end_inside_a_token"]
        assert max(inside) <= counted["entities_without_token"] <= sum(inside)
