"""Write the dataset card of a corpus: README.md for people and the Hugging Face hub, croissant.json for machines.

    python -m spark_jobs.card --config conf/corpus/demo.yaml

Takes the configuration of the build; a build writes the card itself at its end. Made from the manifests of everything that is
published in output_dir, so it is right again after tables were added or taken away. Needs no Spark. README.md is written anew
each time: what you want to say beside the figures goes into the section `card` of the configuration.
"""

from spark_jobs.common.command_line import command
from spark_jobs.config import CorpusSettings
from spark_jobs.reports.cards.card_files import write_card_of_corpus

if __name__ == "__main__":
    command(CorpusSettings, write_card_of_corpus, __doc__)
