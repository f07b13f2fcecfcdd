"""Evaluation: tasks as data for lm-eval, runs with per-item records, and the page that sums a demonstration up."""
