"""Inputs of the benchmarks: enlarged dumps, articles sampled from dumps, a synthetic corpus, a tokenizer with many ids.

The same arguments give the same input. Only benchmarks and tests import from here.
"""
