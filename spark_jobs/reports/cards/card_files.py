"""The files of a dataset card: README.md and croissant.json in the folder of a corpus."""

import json

from spark_jobs.common.atomic_files import write_bytes_atomically
from spark_jobs.common.console import console
from spark_jobs.common.storage import Location
from spark_jobs.config import CardSettings, CorpusSettings
from spark_jobs.contract.corpus_tables import corpus_tables, read_manifests
from spark_jobs.contract.manifest import MANIFEST
from spark_jobs.reports.cards.croissant_metadata import build_croissant_metadata
from spark_jobs.reports.cards.dataset_card import render_dataset_card, summarise_corpus

README = "README.md"
CROISSANT = "croissant.json"


def write_corpus_card(settings: CorpusSettings) -> int:
    """Write the card of a build and print where it is; returns the exit code."""
    write_card(Location.of(settings.output_dir), settings.card)
    folder = settings.output_dir
    console.print(f"the dataset card is {folder}/{README}, its form for programs {folder}/{CROISSANT}")
    return 0


def write_card(corpus: Location, settings: CardSettings) -> None:
    """Write README.md and croissant.json for the tables in `corpus`. Raises `ConfigurationError` if there are none."""
    manifests = read_manifests(corpus)
    tables = corpus_tables(manifests)
    contents = {folder: (corpus / folder / MANIFEST).read_bytes() for folder in manifests}
    metadata = build_croissant_metadata(tables, contents, settings, summarise_corpus(tables))
    for name, text in (
        (README, render_dataset_card(tables, settings)),
        (CROISSANT, json.dumps(metadata, ensure_ascii=False, indent=1) + "\n"),
    ):
        write_bytes_atomically(corpus / name, text.encode())
