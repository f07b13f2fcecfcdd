"""Wikimedia's file formats: which files make a dump, bz2 streams, page XML, SQL rows, siteinfo. No Spark in here."""
