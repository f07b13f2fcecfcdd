"""A second implementation of the model, to check scores against."""

import json
from pathlib import Path

import numpy as np


class NumpyLlama:
    """A Llama's forward pass in float64: RMSNorm, rotary positions, grouped-query attention, SwiGLU."""

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file

        self.weights = {name: value.astype(np.float64) for name, value in load_file(folder / "model.safetensors").items()}
        self.config = json.loads((folder / "config.json").read_text())

    def logprobs(self, ids: list[int]) -> np.ndarray:
        """(positions, vocabulary): log-probability of the next token."""
        weights, config = self.weights, self.config
        hidden = weights["model.embed_tokens.weight"][ids]
        for layer in range(config["num_hidden_layers"]):
            prefix = f"model.layers.{layer}."
            hidden = hidden + self._attention(self._norm(hidden, f"{prefix}input_layernorm"), f"{prefix}self_attn.")
            x = self._norm(hidden, f"{prefix}post_attention_layernorm")
            gate = x @ weights[f"{prefix}mlp.gate_proj.weight"].T
            up = x @ weights[f"{prefix}mlp.up_proj.weight"].T
            hidden = hidden + (gate / (1 + np.exp(-gate)) * up) @ weights[f"{prefix}mlp.down_proj.weight"].T
        logits = self._norm(hidden, "model.norm") @ weights["lm_head.weight"].T
        logits -= logits.max(axis=-1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))

    def _norm(self, x: np.ndarray, name: str) -> np.ndarray:
        scale = np.sqrt((x**2).mean(axis=-1, keepdims=True) + self.config["rms_norm_eps"])
        return x / scale * self.weights[f"{name}.weight"]

    def _attention(self, x: np.ndarray, prefix: str) -> np.ndarray:
        heads, groups = self.config["num_attention_heads"], self.config["num_key_value_heads"]
        length, size = len(x), self.config["hidden_size"] // heads
        query, key, value = (
            (x @ self.weights[f"{prefix}{name}_proj.weight"].T).reshape(length, -1, size).transpose(1, 0, 2) for name in "qkv"
        )
        query, key = self._rotate(query), self._rotate(key)
        key, value = (np.repeat(part, heads // groups, axis=0) for part in (key, value))
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(size)
        scores[:, np.triu(np.ones((length, length), dtype=bool), k=1)] = -np.inf
        attention = np.exp(scores - scores.max(axis=-1, keepdims=True))
        attention /= attention.sum(axis=-1, keepdims=True)
        return (attention @ value).transpose(1, 0, 2).reshape(length, -1) @ self.weights[f"{prefix}o_proj.weight"].T

    def _rotate(self, x: np.ndarray) -> np.ndarray:
        half = x.shape[-1] // 2
        angles = np.outer(np.arange(x.shape[1]), 10000.0 ** (-np.arange(half) / half))
        first, second = x[..., :half], x[..., half:]
        return np.concatenate(
            [first * np.cos(angles) - second * np.sin(angles), second * np.cos(angles) + first * np.sin(angles)], axis=-1
        )
