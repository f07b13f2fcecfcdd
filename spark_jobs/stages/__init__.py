"""The stages of a build: Spark around the pure parts. One module for each entry point, and the joins that they need.

Entry points import one function each. Logic that needs no Spark belongs to `extraction`, `linking`, `tokens` or `reports`.
"""
