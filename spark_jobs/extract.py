"""Stage `extract`: the XML of a dump becomes `articles` and `rejects`.

    spark-submit spark_jobs/extract.py --config conf/corpus/demo.yaml

Inputs: `{wiki}-{date}-pages-articles….xml` and, where they lie beside it, `{wiki}-{date}-siteinfo-namespaces.json.gz`, whose
namespaces, words, link trail and case rule win over the head of the dump, as that wins over the packaged table; `page.sql.gz`
with `redirect.sql.gz` for redirects between templates; `page_props.sql.gz` for disambiguation pages. What is missing is said.

The driver finds the streams of the dump's files and cuts them into runs; a task owns a run, decompresses and parses it in
its Python process and writes one shard. Raw XML never enters the JVM, and text is never shuffled.
"""

from spark_jobs.common.command_line import command
from spark_jobs.config import CorpusSettings
from spark_jobs.stages.extract_stage import extract_wikis

if __name__ == "__main__":
    command(CorpusSettings, extract_wikis, __doc__)
