"""Text and character spans to token ids and token spans, for one tokenizer. Pure Python and Arrow, without Spark.

Import from the modules: `tokenizer_loading` for tokenizers, `article_encoder` for one article, `encoded_columns` for Arrow
batches. The Spark stage that calls them is `stages.encode_stage`. How training uses tokens does not belong here.
"""
