"""Dumps on a server: mirrors, the choice of a finished dump, and resumable downloads over HTTP.

Import from the modules. They take plain values: the configuration and the table of results are in `stages.download_stage`.
"""
