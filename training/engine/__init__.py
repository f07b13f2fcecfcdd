"""DeepSpeed and its processes: launch, process group, engine, optimizer, checkpoints, resuming, interruption.

`setting_changes` has the table of settings that may change when a run resumes.

Import from the modules; most import torch and DeepSpeed inside functions only. The content of a step belongs to `loop`.
"""
