"""The passes over `[[…]]`. The entries are `file_links.drop_files` and `internal_links.mark_links`.

`link_syntax` holds the patterns of a wiki, `link_targets` resolves targets, `unclosed_links` drops brackets without a partner.
Only `wikitext`, benchmarks and tests import from here.
"""
