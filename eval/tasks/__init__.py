"""Evaluation tasks for lm-eval, as data: `lm-eval run --include_path eval/tasks --tasks xcodah_ja ...` finds them too.

A folder is a benchmark: YAML files (others include those with an underscore) and one module, such as `xcsr_documents.py`. The
function `load_documents` of these modules is one interface, named by `custom_dataset: !function …` in the YAML. lm-eval calls it
with the task's `metadata` and `dataset_kwargs` as keyword arguments; it ignores unknown ones. It returns the splits by name, and
raises `ValueError` or `OSError` if the data cannot be read.

Other rooms read tasks with `task_catalogue`. The modules of the benchmarks share `data_files`, `reference_prompts` and
`text_metrics`. Scoring of a model belongs to `eval/scoring`.
"""
