"""The training stream: which tokens form sequence k, and reading them. No torch.

Import from the modules. Opening files is in `data`; turning batches into steps is in `loop`.
"""
