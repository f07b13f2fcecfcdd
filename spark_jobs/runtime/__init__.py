"""Spark itself: the session, progress of its jobs, several wikis at a time, shards in and out of tasks, errors of tasks.

Import from the modules. Nothing here knows what a stage does.
"""
