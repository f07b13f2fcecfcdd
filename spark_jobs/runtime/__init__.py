"""Spark itself: session, tasks, shards in and out of tasks, progress, several wikis at a time, translation of task errors.

Import from the modules. Code that knows what a stage computes does not belong here.
"""
