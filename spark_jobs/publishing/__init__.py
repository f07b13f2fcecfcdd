"""Shards, manifests, and the step that makes a finished table visible. Imports no Spark.

Import from the modules. What a table holds is in `contract`.
"""
