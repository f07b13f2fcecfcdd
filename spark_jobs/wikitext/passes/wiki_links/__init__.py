"""The passes over `[[…]]`. The entries are `file_links.drop_files` and `internal_links.mark_links`.

`link_syntax` holds the patterns of a wiki, `link_targets` decides what a target means, `unclosed_links` drops brackets that never close.
"""
