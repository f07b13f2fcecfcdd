"""Texts and pages about a corpus: the build report, the explanation of links, the dataset card (`cards/`). Imports no Spark.

Import from the modules. Counting over whole tables is in `stages`; the HTML is in `templates/`.
"""
