"""Text and spans to token ids and token spans, for one tokenizer. Imports no Spark.

Import from the modules. The Spark stage that calls this code is `stages.encode_stage`.
"""
