"""A controlled experiment: do inserted English names help a model to use facts in another language that it learned in English?

A small Llama learns facts in English, is adapted to a second language with names inserted in several ways, and is asked for the
facts in the second language. `run` is the command (`make experiment`); docs/explanation/experiment.md describes the design.

- `experiment_settings`: the configuration; `experiment_folders`: where results are, and what their hashes cover.
- `world_stage`: facts, dumps, vocabulary, questions and corpus, made by `real_names`, `world`, `world_wikis`, `dump_writer`,
  `vocabulary` and `questions`, with the sentences in `languages/`.
- `model_stage`: training and evaluation of every model, run by `parallel_jobs`.
- `experiment_findings`: statistics and sentences; `experiment_report`: the page and its plot, from `report.md.j2`.

The experiment uses the data engine, training and eval as they are. Nothing outside this package imports it, except tests.
"""
