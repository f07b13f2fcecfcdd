"""Evaluation: tasks as data for lm-eval, runs with per-item records, comparisons of models, and the summary of a demonstration.

Commands: `run`, `compare`, `knowledge`, `summary`, `cities`; nothing imports them. Rooms, high to low: `report`, `analysis` and
`scoring`, `tasks`, `results` and `facts`, `config`. Of the data engine, only `spark_jobs.common` and `spark_jobs.contract` are
imported.
"""
