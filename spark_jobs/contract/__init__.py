"""The data contract: table schemas, the schema version, manifests, the row hash, and the page that documents them.

`training` and `eval` import from here too. Needs pyarrow and pydantic, not pyspark. Code that fills a table does not belong here.
"""
