"""The model: its files and its text part, loading, tags and their rows, adapters, export and its card.

Import from the modules. `protocols` has the types of transformers' and DeepSpeed's objects, for all rooms above.
Sizes, FLOPs and masks of an architecture belong to `architectures`, training across processes to `engine`.
"""
