"""A unit of a dump to rows of `articles` and `rejects`: pure functions and the work of one task. Imports no Spark.

Import from the modules. Spark jobs that call this code are in `stages`; reading dump files is in `dumps`.
"""
