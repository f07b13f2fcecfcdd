"""DeepSpeed and its processes: launch, process group, engine, optimizer, checkpoints, resuming, interruption.

Import from the modules; most import torch and DeepSpeed inside functions only. The content of a step belongs to `loop`.
"""
