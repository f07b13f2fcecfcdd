"""The model: loading, added token rows, adapters, document masks, export, its card, its sizes and FLOPs.

Import from the modules. Nothing here knows DeepSpeed's engine.
"""
