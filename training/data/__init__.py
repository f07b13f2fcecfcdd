"""The encoded corpus on disk: opening and checking it, reading columns and row groups, retries, cached arrays. No torch.

Import from the modules. Which documents form a sequence, and in which order, belongs to `stream`.
"""
