"""What a build holds, as a page to look at: how many pages, links and names, what was lost and why, and how it reads.

    python -m spark_jobs.describe --config conf/corpus/demo.yaml

Takes the configuration of the build and describes everything that is published in its output_dir. Writes report.html there: one
file that needs nothing else, for any browser. Why one link has no name, `python -m spark_jobs.explain` tells.
"""

from spark_jobs.common.command_line import command
from spark_jobs.config import CorpusSettings
from spark_jobs.stages.describe_stage import describe_wikis

if __name__ == "__main__":
    command(CorpusSettings, describe_wikis, __doc__)
