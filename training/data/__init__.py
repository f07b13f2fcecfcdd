"""The encoded corpus on disk: opening and checking it, reading columns and row groups, retries, cached arrays. No torch.

Import from the modules. The order in which documents are consumed belongs to `stream`.
"""
