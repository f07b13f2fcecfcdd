"""The stages of the data engine: Spark around the pure rooms. One module for each stage, and the joins that they need.

Entry points import one function from here. Code that needs no Spark belongs to `extraction`, `linking`, `tokens`, `rendering` or
`reports`.
"""
