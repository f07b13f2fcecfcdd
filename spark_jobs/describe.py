"""Write a report of a build as an HTML page: counts of pages, links and names, losses and their reasons, excerpts of the text.

    python -m spark_jobs.describe --config conf/corpus/demo.yaml
    python -m spark_jobs.describe --config conf/corpus/demo.yaml --set wikis='[jawiki]'

Takes the configuration of the build and describes those of its wikis whose tables are all in output_dir; the report lists the
others with the reason. Writes report.html there, a single file for any browser. To explain why one link has no name, run
`python -m spark_jobs.explain`.
"""

from spark_jobs.common.command_line import command
from spark_jobs.config import CorpusSettings
from spark_jobs.stages.describe_stage import describe_wikis

if __name__ == "__main__":
    command(CorpusSettings, describe_wikis, __doc__)
