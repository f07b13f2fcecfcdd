"""Stage `align`: titles of `articles` and the langlinks SQL table become `names`.

    spark-submit spark_jobs/align.py --config conf/corpus/demo.yaml

For every title that leads to an article, the article's page id and what it is called in the pivot languages: by the title's
own langlink, else by that of the article behind its redirects.
"""

from spark_jobs.common.command_line import command
from spark_jobs.config import CorpusSettings
from spark_jobs.stages.align_stage import align_wikis

if __name__ == "__main__":
    command(CorpusSettings, align_wikis, __doc__)
