"""From the files of a dump to rows of `articles` and `rejects`: all of stage `extract` that needs no Spark.

In the order of a run: `dump_location` finds the files, `unit_planning` cuts them into units, `unit_extraction` is the work of one
task, `page_account` and `extract_publication` check and publish the results. Import from the modules. Spark jobs that call this
code are in `stages`, and reading the formats of dump files is in `dumps`.
"""
