"""Wikimedia's file formats: which files make a dump, compressed streams, page XML, siteinfo. Imports neither Spark nor its callers.

`sql/` reads SQL tables, `remote/` fetches files. What the wikitext inside a page means belongs to `wikitext`.
"""
