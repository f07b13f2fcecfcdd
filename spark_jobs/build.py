"""Run all stages in one Spark application: from dumps to every table of the contract.

    python -m spark_jobs.build --config conf/corpus/demo.yaml
    spark-submit spark_jobs/build.py --config conf/corpus/demo.yaml --set wikis='[jawiki]'

A stage is skipped if its inputs, configuration and code have not changed since it was published.

Builds any number of wikis: several at a time, the largest first. A wiki that fails does not stop the others. The end of the
output lists the failed wikis, the reasons, and the command that repeats them. Exit code 0: all wikis are built; 1: some wikis
failed, or the dataset card could not be written; 2: an error in the configuration, or one that affects all wikis, such as a
full disk.
"""

from spark_jobs.common.command_line import command
from spark_jobs.config import CorpusSettings
from spark_jobs.stages.build_stages import build_wikis

if __name__ == "__main__":
    command(CorpusSettings, build_wikis, __doc__)
