"""Writing shards, and publishing a folder of shards with its manifest in one step. Needs pyarrow, not pyspark.

Import from the modules. Schemas and the fields of a manifest are in `contract`; Spark jobs that write shards are in `runtime`.
"""
