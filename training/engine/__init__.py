"""DeepSpeed and its processes: process group, engine, optimizer, checkpoints, resuming, interruption.

Import from the modules. What a step does is in `loop`.
"""
