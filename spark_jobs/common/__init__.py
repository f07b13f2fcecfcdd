"""Code that all parts share: settings, command line, console, errors, files, formatting, random draws, pages, plots.

`training` and `eval` import from here too. Needs neither pyspark, torch nor lxml, and imports nothing else of `spark_jobs`.
Code for one part alone does not belong here, nor does code that reads a dump or writes a table.
"""
