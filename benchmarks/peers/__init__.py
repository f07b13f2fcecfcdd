"""The other side of each comparison: extractors of wikitext, loaders of batches, and a slow reader of SQL that is easy to check.

Each peer is called as its own users call it. Only benchmarks and tests import from here; peers are in the extra `peers`.
"""
