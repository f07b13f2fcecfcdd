"""Write the dataset card of a corpus: README.md for people and the Hugging Face hub, croissant.json for programs.

    python -m spark_jobs.card --config conf/corpus/demo.yaml

Takes the configuration of the build. A build writes the card at its end; run this command after adding or removing tables. The
card is made from the manifests of all tables in output_dir, without Spark. README.md is overwritten: put additional text into
the section `card` of the configuration.
"""

from spark_jobs.common.command_line import command
from spark_jobs.config import CorpusSettings
from spark_jobs.reports.cards.card_files import write_corpus_card

if __name__ == "__main__":
    command(CorpusSettings, write_corpus_card, __doc__)
