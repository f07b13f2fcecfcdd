"""Stage `encode`: `augmented` becomes `encoded`, for one tokenizer and the names in one pivot language.

    spark-submit spark_jobs/encode.py --config conf/corpus/demo.yaml

Does not insert BOS, EOS or names into the tokens: the training job places them. `<s>` in an article is text. Rows are ordered
by a hash of (wiki, page_id), so that neighbours in a shard are unrelated. The manifest counts tokens, entities, name tokens,
and the losses of the span mapping (`tokens.article_encoder.ENTITY_COUNTERS`).
"""

from spark_jobs.common.command_line import command
from spark_jobs.config import CorpusSettings
from spark_jobs.stages.encode_stage import encode_wikis

if __name__ == "__main__":
    command(CorpusSettings, encode_wikis, __doc__)
