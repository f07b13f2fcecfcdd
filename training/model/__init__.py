"""The model: loading, tags and their rows, adapters, document masks, export and its card, shapes and FLOPs.

Import from the modules. `protocols` has the types of transformers' and DeepSpeed's objects, for all rooms above.
How a model is trained across processes belongs to `engine`.
"""
