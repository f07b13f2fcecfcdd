"""Stage `encode`: `augmented` becomes `encoded`, for one tokenizer and the names of one pivot language.

    spark-submit spark_jobs/encode.py --config conf/corpus/demo.yaml

Adds no BOS, EOS or names to the tokens: where they go is the training job's choice. Rows are mixed: they are ordered by a
hash of (wiki, page_id), so that neighbours in a shard have nothing to do with each other.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812
from tokenizers import Tokenizer

from spark_jobs.config import CorpusSettings
from spark_jobs.progress import show_progress
from spark_jobs.publish import Publication, table_input
from spark_jobs.settings import ConfigurationError, command
from spark_jobs.shards import sum_counters
from spark_jobs.spans import token_spans
from spark_jobs.spark_shards import write_shards
from spark_jobs.stage import StageResult, published, run_stage
from spark_jobs.storage import Location
from spark_jobs.tables import AUGMENTED, TOKENIZER_FOLDER, encoded
from spark_jobs.tokenizer_source import TokenizerSource, load_source

_READ_ROWS = 100
_COLUMNS = ["page_id", "text", "entities"]
_ARRAYS = ("input_ids", "entity_start", "entity_end", "name_lengths", "name_ids")


def encode_article(article: Mapping[str, Any], tokenizer: Tokenizer, pivot: str, names: dict[str, list[int]]) -> dict[str, Any]:
    """A row of `encoded`, and `unmapped`: how many entities got no token of their own.

    `names` remembers the tokens of names that were met before. A name is tokenised alone, so SentencePiece gives it a leading
    `▁` of its own, as in the paper's code.
    """
    encoding = tokenizer.encode(article["text"], add_special_tokens=False)
    entities = [
        (entity["start"], entity["end"], entry["name"])
        for entity in article["entities"]
        for entry in entity["names"]
        if entry["language"] == pivot
    ]
    row: dict[str, Any] = {"page_id": article["page_id"], "num_tokens": len(encoding.ids), "unmapped": 0}
    row |= {name: [] for name in _ARRAYS}
    row["input_ids"] = encoding.ids
    spans = token_spans(encoding.offsets, [(start, end) for start, end, _ in entities])
    for span, (_, _, name) in zip(spans, entities, strict=True):
        if name not in names:
            names[name] = tokenizer.encode(name, add_special_tokens=False).ids
        if span is None or not names[name]:
            row["unmapped"] += 1
            continue
        row["entity_start"].append(span[0])
        row["entity_end"].append(span[1])
        row["name_lengths"].append(len(names[name]))
        row["name_ids"].extend(names[name])
    return row


def run(spark: SparkSession, settings: CorpusSettings, wiki: str) -> StageResult:
    """Publish `encoded` of one wiki, and the tokenizer's folder beside it, unless they are up to date."""
    source = load_source(settings.encoding.tokenizer, settings.encoding.name)
    folder, augmented = published(settings, AUGMENTED, {"wiki": wiki}, "augment")
    partition = {"tokenizer": source.name, "pivot": settings.pivot, "wiki": wiki}
    about = source.describe()
    options = settings.encoding.model_dump(include={"span_mapping", "rows_per_row_group", "characters_per_shard"})
    configuration = {**partition, **options, "tokenizer": about}
    output, table = Location.of(settings.output_dir), encoded(source.id_type)
    publication = Publication(output, table, partition, [table_input(augmented)], configuration)
    _publish_tokenizer(output, source)
    if (current := publication.current()) is not None:
        return StageResult([current], skipped=True)

    publication.begin()
    metadata = {
        **table.schema.metadata,
        b"leia.tokenizer": json.dumps(about, sort_keys=True),
        b"leia.pivot": settings.pivot,
        b"leia.span_mapping": settings.encoding.span_mapping,
    }
    pivot = settings.pivot

    def encode(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        tokenizer = source.load()
        names: dict[str, list[int]] = {}
        for paths in batches:
            for path in paths.column("path").to_pylist():
                with (folder / path).open() as file:
                    for batch in pq.ParquetFile(file).iter_batches(_READ_ROWS, columns=_COLUMNS):
                        rows = [encode_article(article, tokenizer, pivot, names) for article in batch.to_pylist()]
                        yield pa.RecordBatch.from_pylist(rows, schema=_TRAVEL_SCHEMA)

    with show_progress(spark.sparkContext, f"encode {wiki}"):
        paths = [(index, shard.path) for index, shard in enumerate(augmented.shards)]
        owned = spark.createDataFrame(paths, "index int, path string").repartitionById(len(paths), F.col("index"))
        rows = owned.mapInArrow(encode, _TRAVEL_COLUMNS).withColumn("mix", F.xxhash64(F.lit(wiki), "page_id"))
        shards = max(1, -(-augmented.counters.get("characters", 0) // settings.encoding.characters_per_shard))
        sharded = rows.withColumn("shard", F.pmod("mix", F.lit(shards)).cast("int"))
        schema = table.schema.with_metadata(metadata)
        order = ["mix", "page_id"]
        group = settings.encoding.rows_per_row_group
        reports = write_shards(sharded, shards, order, publication.attempts, schema, group, _count)
    return StageResult([publication.publish(reports, sum_counters(reports))])


def _count(row: Mapping[str, Any]) -> dict[str, int]:
    return {
        "tokens": row["num_tokens"],
        "entities": len(row["entity_start"]),
        "name_tokens": len(row["name_ids"]),
        "entities_without_token": row["unmapped"],
    }


# Spark has no unsigned types: ids travel as 32-bit integers and become the table's type where they are written.
_TRAVEL_COLUMNS = "page_id long, num_tokens int, unmapped int, " + ", ".join(f"{name} array<int>" for name in _ARRAYS)
_TRAVEL_SCHEMA = pa.schema(
    [("page_id", pa.int64()), ("num_tokens", pa.int32()), ("unmapped", pa.int32())]
    + [(name, pa.list_(pa.int32())) for name in _ARRAYS]
)


def _publish_tokenizer(output: Location, source: TokenizerSource) -> None:
    """Put the tokenizer beside the tokens, so that whoever reads them can decode them and train with them.

    Raises `ConfigurationError` if another tokenizer is published under the same name: its tokens would lie beside ours.
    """
    folder = output / f"encoded/tokenizer={source.name}/{TOKENIZER_FOLDER}"
    files = {"tokenizer.json": source.tokenizer_json.encode(), "tokenizer_config.json": source.tokenizer_config.encode()}
    if folder.exists():
        if any((folder / name).read_bytes() != data for name, data in files.items()):
            raise ConfigurationError(
                f"encode.name: {source.name!r} is taken: {folder.path} holds another tokenizer than encode.tokenizer gives; "
                "choose another encode.name, or remove that folder and all that was encoded with it"
            )
        return
    aside = output / f"_staging/tokenizer-{source.name}"
    aside.remove_folder()
    aside.make_folder()
    for name, data in files.items():
        (aside / name).write_bytes(data)
    (output / f"encoded/tokenizer={source.name}").make_folder()
    aside.move_to(folder)


def main(settings: CorpusSettings) -> int:
    """Run the stage for every wiki of the configuration."""
    return run_stage("encode", run, settings)


if __name__ == "__main__":
    command(CorpusSettings, main, __doc__)
