"""Stage `extract`: the XML of a dump becomes `articles` and `rejects`.

    spark-submit spark_jobs/extract.py --config conf/corpus/demo.yaml

Input: `{wiki}-{date}-pages-articles….xml`. Optional inputs beside it: `{wiki}-{date}-siteinfo-namespaces.json.gz`, whose
namespaces, words, link trail and case rule take precedence over the head of the dump, as the head does over the packaged table;
`page.sql.gz` with `redirect.sql.gz` for redirects between templates; `page_props.sql.gz` for disambiguation pages. The command
prints which of them are missing.

The driver finds the streams of the dump's files and cuts them into runs. A task owns a run, decompresses and parses it in its
Python process and writes one shard. Raw XML never enters the JVM, and text is never shuffled.
"""

from spark_jobs.common.command_line import command
from spark_jobs.config import CorpusSettings
from spark_jobs.stages.extract_stage import extract_wikis

if __name__ == "__main__":
    command(CorpusSettings, extract_wikis, __doc__)
