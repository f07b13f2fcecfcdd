"""A run before it starts: its plan (`--dry-run`), the memory that it needs, out-of-memory advice, and a preview of its data.

Import from the modules. Nothing here needs a GPU or weights, and nothing here trains.
"""
