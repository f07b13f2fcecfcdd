"""Write the dataset card of a corpus: README.md and croissant.json."""

import json

from spark_jobs.common.atomic_files import write_bytes_atomically
from spark_jobs.common.console import console
from spark_jobs.common.storage import Location
from spark_jobs.config import CardSettings, CorpusSettings
from spark_jobs.contract.corpus_tables import corpus_tables, read_manifests
from spark_jobs.contract.table_schemas import MANIFEST
from spark_jobs.reports.cards.croissant_metadata import croissant
from spark_jobs.reports.cards.dataset_card import about, dataset_card

README = "README.md"
CROISSANT = "croissant.json"


def write_card(corpus: Location, settings: CardSettings) -> None:
    """Write README.md and croissant.json of what is published in `corpus`. Raises `ConfigurationError` if nothing is."""
    manifests = read_manifests(corpus)
    tables = corpus_tables(manifests)
    contents = {folder: (corpus / folder / MANIFEST).read_bytes() for folder in manifests}
    described = croissant(tables, contents, settings, about(tables))
    for name, text in (
        (README, dataset_card(tables, settings)),
        (CROISSANT, json.dumps(described, ensure_ascii=False, indent=1) + "\n"),
    ):
        write_bytes_atomically(corpus / name, text.encode())


def write_card_of_corpus(settings: CorpusSettings) -> int:
    """Write the card and say where it is."""
    corpus = Location.of(settings.output_dir)
    write_card(corpus, settings.card)
    console.print(f"the card is in {settings.output_dir}/{README}, the same for machines in {settings.output_dir}/{CROISSANT}")
    return 0
