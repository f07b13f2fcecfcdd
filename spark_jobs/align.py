"""Stage `align`: `articles` and the SQL table of langlinks become `names`.

    spark-submit spark_jobs/align.py --config conf/corpus/demo.yaml

For every title that leads to an article, writes the page id of the article and its names in the pivot languages: from the
title's own langlinks, else from the langlinks of the article behind its redirects.
"""

from spark_jobs.common.command_line import command
from spark_jobs.config import CorpusSettings
from spark_jobs.stages.align_stage import align_wikis

if __name__ == "__main__":
    command(CorpusSettings, align_wikis, __doc__)
