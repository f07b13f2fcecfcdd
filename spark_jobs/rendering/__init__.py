"""A shard of `augmented` as plain text with names in it: rows of the table `rendered`. Imports no Spark.

Import from the modules. The settings are in `spark_jobs.config`; the Spark job is in `stages/render_stage.py`.
"""
