"""What is written for people about a corpus: dataset card, Croissant metadata, the build report and its figures. Imports no Spark.

Import from the modules. Counting over whole tables is in `stages`; templates are in `templates/`.
"""
