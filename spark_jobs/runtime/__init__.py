"""Spark itself: session, tasks, shards in and out of tasks, progress, several wikis at a time, translation of task errors.

Import from the modules. The computations of the stages do not belong here.
"""
