"""An architecture before its weights: sizes, FLOPs and peaks of devices, experts and their router, attention and its masks.

Import from the modules. Most read a configuration or a model of transformers and need no weights. Loading, changing and exporting
weights belongs to `model`.
"""
