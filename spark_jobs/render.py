"""Write a corpus as plain text with names in it, for those who want no spans and no tokens: Parquet or JSON lines.

    python -m spark_jobs.render --config conf/render/demo.yaml
    python -m spark_jobs.render --config conf/render/demo.yaml --set strategy=left --set tags='[" (", ")"]' --set format=jsonl

Reads the table `augmented` and writes `rendered`, a row for each article: page_id, revision_id, title, url and text (in JSON
lines wiki too), in output_dir, with a manifest and a dataset card. Each experiment has an output_dir of its own.

Which links get their name is the rule of the training stream, `spark_jobs.common.link_sampling`: a hash of (seed, epoch, wiki, page_id,
number of the link in the page). So the text is the same on every run and any number of cores, and with the seed and epoch of a
training run it has that run's links: all of them wherever the tokenizer of the run lost none of a page's links. Where it lost one
(the counters `entities_without_token` and `names_without_token` of `encoded`; `span_mapping: exact` loses many), the links behind
it on that page have other numbers there, and other draws.

A text that holds the tags by itself is not escaped. Tags are any text: `[" (", ")"]` and strategy right make `鴨 (Duck)`.
"""

from spark_jobs.common.command_line import command
from spark_jobs.stages.render_stage import RenderSettings, render_wikis

if __name__ == "__main__":
    command(RenderSettings, render_wikis, __doc__)
