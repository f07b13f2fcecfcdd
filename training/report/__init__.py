"""The page of training runs and its plots, from the files that a run leaves. No torch.

Import from the modules.
"""
