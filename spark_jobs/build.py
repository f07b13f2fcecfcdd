"""All stages in one Spark application: dumps in, every table of the contract out.

    python -m spark_jobs.build --config conf/corpus/demo.yaml
    spark-submit spark_jobs/build.py --config conf/corpus/demo.yaml --set wikis='[jawiki]'

A stage whose inputs, configuration and code have not changed since it was published is not run again.

Any number of wikis: several run at a time, the largest first. One that fails does not stop the others; what failed, why, and the
command that does it again stand at the end. Exit code 0: all wikis are built; 1: some failed, or the dataset card did; 2: a
mistake in the configuration, or a fault that concerns all, such as a full disk.
"""

from spark_jobs.common.command_line import command
from spark_jobs.config import CorpusSettings
from spark_jobs.stages.build_stages import build_wikis

if __name__ == "__main__":
    command(CorpusSettings, build_wikis, __doc__)
