"""What every part of the project shares: configuration, command line, console, storage, random draws, pages and plots.

`training` and `eval` import from here too. Imports neither pyspark, torch nor lxml, and nothing else of `spark_jobs`.
Code that knows what a wiki, a table or a dump is does not belong here.
"""
