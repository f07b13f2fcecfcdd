"""Stage `encode`: `augmented` becomes `encoded`, for one tokenizer and the names of one pivot language.

    spark-submit spark_jobs/encode.py --config conf/corpus/demo.yaml

Adds no BOS, EOS or names to the tokens: where they go is the training job's choice. `<s>` in an article is text. Rows are mixed:
they are ordered by a hash of (wiki, page_id), so that neighbours in a shard have nothing to do with each other. The manifest
counts tokens, entities, name tokens, and what the span mapping lost (`article_encoder.ENTITY_COUNTERS`).
"""

from spark_jobs.common.command_line import command
from spark_jobs.config import CorpusSettings
from spark_jobs.stages.encode_stage import encode_wikis

if __name__ == "__main__":
    command(CorpusSettings, encode_wikis, __doc__)
