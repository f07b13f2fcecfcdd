"""Write a corpus as plain text with names in it, as Parquet or JSON lines: for uses without spans or tokens.

    python -m spark_jobs.render --config conf/render/demo.yaml
    python -m spark_jobs.render --config conf/render/demo.yaml --set strategy=left --set tags='[" (", ")"]' --set format=jsonl

Reads the table `augmented`. Writes the table `rendered` with a manifest and a dataset card to output_dir: a row for each
article with page_id, revision_id, title, url and text (JSON lines also have wiki). Use a separate output_dir for each
experiment.

Links get their name by the rule of the training stream (`spark_jobs.common.link_sampling`): a hash of (seed, epoch, wiki,
page_id, number of the link in the page). The text is therefore the same on every run and any number of cores. With the seed and
epoch of a training run it has the links of that run, on every page whose links all have tokens in that run. If a page lost a
link to the tokenizer (the counters `entities_without_token` and `names_without_token` of `encoded`; `span_mapping: exact` loses
many), the links after it have other numbers in the run, and other draws.

Tags can be any text: `[" (", ")"]` with strategy right gives `鴨 (Duck)`. Tags that occur in the text of an article are not
escaped.
"""

from spark_jobs.common.command_line import command
from spark_jobs.config import RenderSettings
from spark_jobs.stages.render_stage import render_wikis

if __name__ == "__main__":
    command(RenderSettings, render_wikis, __doc__)
