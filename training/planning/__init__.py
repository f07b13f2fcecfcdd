"""What a run will do and need, before it starts: memory, FLOPs, the plan of a dry run, out-of-memory advice.

Import from the modules. Needs no GPU and no weights.
"""
