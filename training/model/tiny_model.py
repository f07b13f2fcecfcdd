"""An untrained small Llama with a given tokenizer.

With it the whole pipeline and its tests run in minutes on a CPU, with a real architecture and a real vocabulary.
"""

from pathlib import Path

from pydantic import Field, model_validator
from rich.console import Console

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import Settings
from training.model.library_messages import silence_libraries


class TinyModelSettings(Settings):
    """Sizes of the model, and where it is written."""

    tokenizer: Path
    """Folder of the tokenizer, as the data engine writes it: `CORPUS/encoded/tokenizer=NAME/_tokenizer`."""
    output_dir: Path
    """Where the Hugging Face directory is written; an existing model there is kept unless `overwrite`."""
    overwrite: bool = False
    """Replace an existing model."""
    seed: int = Field(default=0, ge=0)
    """Seed of the random weights."""
    hidden_size: int = Field(default=128, ge=8)
    """Width of the model."""
    num_layers: int = Field(default=4, ge=1)
    """Transformer blocks."""
    num_heads: int = Field(default=4, ge=1)
    """Attention heads."""
    intermediate_size: int = Field(default=384, ge=8)
    """Width inside the feed-forward layers."""
    max_position_embeddings: int = Field(default=2048, ge=16)
    """Longest sequence."""
    tie_word_embeddings: bool = False
    """Whether input and output share one matrix."""

    @model_validator(mode="after")
    def _heads_divide(self) -> "TinyModelSettings":
        if self.hidden_size % (2 * self.num_heads):
            raise ValueError(
                f"hidden_size ({self.hidden_size}) must be a multiple of 2 x num_heads ({2 * self.num_heads}): "
                "rotary positions need pairs"
            )
        return self


def make_tiny_model(settings: TinyModelSettings) -> int:
    """Write the model and its tokenizer; returns the exit code. The same settings give the same weights.

    Raises:
        ConfigurationError: when the folder holds a model, or the tokenizer is missing.
    """
    if (settings.output_dir / "config.json").is_file() and not settings.overwrite:
        raise ConfigurationError(
            f"output_dir: {settings.output_dir} holds a model already; choose another folder, or pass --set overwrite=true"
        )
    if not (settings.tokenizer / "tokenizer.json").is_file():
        raise ConfigurationError(
            f"tokenizer: {settings.tokenizer} holds no tokenizer.json; run spark_jobs/encode.py, "
            "which writes the tokenizer beside its shards"
        )
    silence_libraries()
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(settings.tokenizer, trust_remote_code=False)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden_size,
        intermediate_size=settings.intermediate_size,
        num_hidden_layers=settings.num_layers,
        num_attention_heads=settings.num_heads,
        max_position_embeddings=settings.max_position_embeddings,
        tie_word_embeddings=settings.tie_word_embeddings,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(settings.seed)
    model = LlamaForCausalLM(config)
    model.save_pretrained(settings.output_dir)
    tokenizer.save_pretrained(settings.output_dir)
    (settings.output_dir / "tiny_model.yaml").write_text(settings.to_yaml(), encoding="utf-8")
    total = model.num_parameters()
    embeddings = sum(parameter.numel() for name, parameter in model.named_parameters() if "embed" in name or "lm_head" in name)
    Console().print(
        f"{settings.output_dir}: Llama with {total / 1e6:.1f} M parameters, "
        f"{(total - embeddings) / 1e6:.2f} M of them not embeddings; "
        f"vocabulary of {len(tokenizer)} tokens; untrained",
        highlight=False,
        soft_wrap=True,
    )
    return 0
