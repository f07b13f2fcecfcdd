"""The model: its text part, loading, tags and their rows, adapters, export and its card, the files that it comes from.

Import from the modules. `protocols` has the types of transformers' and DeepSpeed's objects, for all rooms above.
What follows from an architecture alone (sizes, FLOPs, masks) belongs to `architectures`, training across processes to `engine`.
"""
