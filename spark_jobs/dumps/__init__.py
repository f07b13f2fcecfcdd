"""Wikimedia's file formats: which files make a dump, bz2 streams, page XML, siteinfo, the multistream index.

`sql/` reads SQL tables, `remote/` downloads dumps. Import from the modules; none of them imports Spark. What the wikitext of a
page means belongs to `wikitext`, and what becomes of a page in a build to `extraction`.
"""
