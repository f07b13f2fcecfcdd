"""The other side of each comparison: extractors of wikitext, loaders of batches, and a slow reader of SQL that is easy to check.

Each peer is called as its users call it. The extra `peers` installs most of them. Only benchmarks and tests import from here.
"""
