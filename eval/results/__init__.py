"""Files that other parts and evaluations wrote: scores, item records, published scores, a build's tables, a training run.

Import from the modules. Statistics over results are in `analysis`, pages in `report`.
"""
