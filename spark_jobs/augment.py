"""Stage `augment`: `articles` and `names` become `augmented` and `links`.

    spark-submit spark_jobs/augment.py --config conf/corpus/demo.yaml

Text is not shuffled: each task reads a shard of `articles` and rewrites it. Spark shuffles one row for each distinct link
target of a shard, joins it with `names` by title, and sends it to the task of the shard.
"""

from spark_jobs.common.command_line import command
from spark_jobs.config import CorpusSettings
from spark_jobs.stages.augment_stage import augment_wikis

if __name__ == "__main__":
    command(CorpusSettings, augment_wikis, __doc__)
