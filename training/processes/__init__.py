"""Processes that depend on each other: who owns a run folder, and processes that end when another one has ended.

`run_owner` gives a run folder one owner, by the rule of `lease_rule`; `process_identity` recognises a process again.
`launcher_watch` ends ranks with their launcher, `bound_process` a subprocess with its rank.

Import from the modules. Nothing here imports torch or DeepSpeed, or uses a collective: that is `engine`.
"""
