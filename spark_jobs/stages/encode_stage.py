"""Stage `encode`: `augmented` becomes `encoded`, for one tokenizer and the names of one pivot language."""

import json
import os
import threading
from collections.abc import Iterable, Iterator

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.config import CorpusSettings
from spark_jobs.contract.table_schemas import AUGMENTED, TOKENIZER_FOLDER, encoded
from spark_jobs.publishing.publication import Publication, table_input
from spark_jobs.publishing.published_tables import find_published
from spark_jobs.publishing.shard_writer import sum_counters
from spark_jobs.runtime.job_progress import show_progress
from spark_jobs.runtime.spark_shards import write_shards
from spark_jobs.stages.stage_runs import StageResult, run_stage
from spark_jobs.tokens.article_encoder import ArticleEncoder
from spark_jobs.tokens.encoded_columns import TRAVEL_COLUMNS, count_tokens_and_entities, encode_file
from spark_jobs.tokens.tokenizer_loading import load_tokenizer_source
from spark_jobs.tokens.tokenizer_source import TokenizerSource

_TOKENIZER_LOCK = threading.Lock()


def encode_wiki(spark: SparkSession, settings: CorpusSettings, wiki: str) -> StageResult:
    """Publish `encoded` of one wiki and the folder of its tokenizer, unless they are up to date."""
    source = load_tokenizer_source(settings.encoding.tokenizer, settings.encoding.name)
    output = Location.of(settings.output_dir)
    folder, augmented = find_published(output, AUGMENTED, {"wiki": wiki}, "augment")
    partition = {"tokenizer": source.name, "pivot": settings.pivot, "wiki": wiki}
    tokenizer = source.describe()
    options = settings.encoding.model_dump(include={"span_mapping", "rows_per_row_group", "characters_per_shard"})
    configuration = {**partition, **options, "tokenizer": tokenizer}
    table = encoded(source.id_type)
    publication = Publication(output, table, partition, [table_input(augmented)], configuration)
    with _TOKENIZER_LOCK:  # wikis share the folder
        _publish_tokenizer(output, source)
    if (current := publication.current()) is not None:
        return StageResult([current], skipped=True)

    publication.begin()
    metadata = {
        **table.schema.metadata,
        b"leia.tokenizer": json.dumps(tokenizer, sort_keys=True),
        b"leia.pivot": settings.pivot,
        b"leia.span_mapping": settings.encoding.span_mapping,
        b"leia.special_tokens": "none",
    }
    pivot, span_mapping = settings.pivot, settings.encoding.span_mapping

    def encode(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # a task has one core
        encoder = ArticleEncoder(source.load(), span_mapping)
        for paths in batches:
            for path in paths.column("path").to_pylist():
                with (folder / path).open() as file:
                    yield from encode_file(file, encoder, pivot)

    with show_progress(spark.sparkContext, f"encode {wiki}"):
        paths = [(index, shard.path) for index, shard in enumerate(augmented.shards)]
        owned = spark.createDataFrame(paths, "index int, path string").repartitionById(len(paths), F.col("index"))
        rows = owned.mapInArrow(encode, TRAVEL_COLUMNS).withColumn("mix", F.xxhash64(F.lit(wiki), "page_id"))
        shards = max(1, -(-augmented.counters.get("characters", 0) // settings.encoding.characters_per_shard))
        sharded = rows.withColumn("shard", F.pmod("mix", F.lit(shards)).cast("int"))
        schema = table.schema.with_metadata(metadata)
        order = ["mix", "page_id"]
        group = settings.encoding.rows_per_row_group
        reports = write_shards(
            sharded, shards, order, publication.attempts, schema, group, lambda rows: (rows, count_tokens_and_entities(rows))
        )
    return StageResult([publication.publish(reports, sum_counters(reports))])


def _publish_tokenizer(output: Location, source: TokenizerSource) -> None:
    """Publish the tokenizer beside the tokens, for decoding and training.

    Raises `ConfigurationError` if another tokenizer is published under the same name.
    """
    folder = output / f"encoded/tokenizer={source.name}/{TOKENIZER_FOLDER}"
    files = {"tokenizer.json": source.tokenizer_json.encode(), "tokenizer_config.json": source.tokenizer_config.encode()}
    last = "tokenizer.json"
    if (folder / last).exists():
        if any((folder / name).read_bytes() != data for name, data in files.items()):
            raise ConfigurationError(
                f"encode.name: {source.name!r} is taken: {folder.path} holds another tokenizer than encode.tokenizer; "
                "choose another encode.name, or remove that folder and all tables encoded with it"
            )
        return
    staging = output / f"_staging/tokenizer-{source.name}"
    staging.remove_folder()
    staging.make_folder()
    for name, data in files.items():
        (staging / name).write_bytes(data)
    staging.put_folder(folder, last)


def encode_wikis(settings: CorpusSettings) -> int:
    """Run the stage for every wiki of the configuration; returns the exit code."""
    return run_stage("encode", encode_wiki, settings)
