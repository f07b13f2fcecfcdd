"""The passes of the wikitext scanner: one construct of wikitext per file or folder. `wikitext.scanner` calls them in order.

A pass is a function that takes the whole text, and the `PageState` where it needs one, and returns the text with its construct
resolved. It takes linear time, keeps no offsets, raises only `WikitextError` (over the budget), and leaves marks for later passes
(see `page_state`). Only `wikitext`, benchmarks and tests import from here; what differs between wikis comes from the profile.
"""
