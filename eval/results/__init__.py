"""Results on disk: scores, per-item records, and published scores to compare with.

Import from the modules. Statistics over results are in `analysis`.
"""
