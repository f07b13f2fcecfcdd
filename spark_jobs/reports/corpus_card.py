"""Write the dataset card of a corpus: README.md for people and the Hugging Face hub, croissant.json for machines.

    python -m spark_jobs.card --config conf/corpus/demo.yaml

Takes the configuration of the build; a build writes the card itself at its end. Made from the manifests of everything that is
published in output_dir, so it is right again after tables were added or taken away. Needs no Spark. README.md is written anew
each time: what you want to say beside the figures goes into the section `card` of the configuration.
"""

import json

from spark_jobs.config import CardSettings, CorpusSettings
from spark_jobs.croissant import croissant
from spark_jobs.dataset_card import about, dataset_card
from spark_jobs.progress import console
from spark_jobs.published_corpus import corpus_tables, read_manifests
from spark_jobs.settings import command
from spark_jobs.storage import Location
from spark_jobs.tables import MANIFEST

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
        aside = corpus / f"_{name}.new"
        aside.write_bytes(text.encode())
        aside.move_to(corpus / name)


def main(settings: CorpusSettings) -> int:
    """Write the card and say where it is."""
    corpus = Location.of(settings.output_dir)
    write_card(corpus, settings.card)
    console.print(f"the card is in {settings.output_dir}/{README}, the same for machines in {settings.output_dir}/{CROISSANT}")
    return 0


if __name__ == "__main__":
    command(CorpusSettings, main, __doc__)
