"""Training steps and what happens between them: guard, held-out loss, tasks, metrics, the run's folder.

Import from the modules.
"""
