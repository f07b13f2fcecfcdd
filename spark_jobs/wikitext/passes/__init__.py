"""The passes of the wikitext scanner, one construct each. `wikitext.scanner` calls them in order.

Only `wikitext` imports from here. Each pass takes and returns text and the state of one page, in linear time.
"""
