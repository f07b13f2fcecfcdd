"""The training stream: which tokens form sequence k (pure functions of integers), and reading them. No torch.

Import from the modules; `token_stream.Stream` is the whole, `stream_plan` explains the method. Opening files belongs to `data`,
turning batches into steps to `loop`.
"""
