"""Models whose loss is not finite wherever one token occurs, for tests of runs that skip steps."""

from safetensors.torch import load_file, save_file

PLAIN = {"tags": False, "probability": 0.0}
"""Without tags: the rows of tags are means, which would contain the infinite row too."""


def with_infinite_token(base_model, folder, token):
    """A copy of the model whose embedding of one token is infinite."""
    folder.mkdir()
    for path in base_model.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    weights = load_file(folder / "model.safetensors")
    weights["model.embed_tokens.weight"][token] = float("inf")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return {"path": str(folder), "precision": "fp32"}
