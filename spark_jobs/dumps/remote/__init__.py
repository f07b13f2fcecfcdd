"""Dumps on a server: mirrors, the status of a dump, and resumable downloads over HTTP.

Import from the modules. Choosing what a build needs is the work of `stages.download_stage`.
"""
