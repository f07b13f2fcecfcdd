"""Scoring a model: the lm-eval adapter, log-likelihoods, generation, several processes, the model's fingerprint.

Import from the modules. What a task asks is in `tasks`.
"""
