"""Types of the objects that transformers and DeepSpeed make: the methods that training uses, as protocols.

transformers and DeepSpeed are not imported here. Tensors and devices are torch's own types: import torch under `TYPE_CHECKING`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch


class Tokenizer(Protocol):
    """A tokenizer of transformers."""

    bos_token_id: int | None
    eos_token_id: int | None

    def __len__(self) -> int:
        """Number of tokens, added ones included."""

    def get_vocab(self) -> dict[str, int]:
        """Token -> id."""

    def add_tokens(self, new_tokens: Sequence[object], special_tokens: bool = False) -> int:
        """Add tokens that are not known yet; returns how many were added."""

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        """The id of each token."""

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """The ids of a text."""

    def decode(self, token_ids: Sequence[int], clean_up_tokenization_spaces: bool | None = None) -> str:
        """The text of ids."""

    def save_pretrained(self, save_directory: Path) -> object:
        """Write the files of the tokenizer."""


class ModelConfig(Protocol):
    """The configuration of a model, or of its text part. Fields that not every architecture has are read with `getattr`."""

    model_type: str
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    use_cache: bool
    tie_word_embeddings: bool
    dtype: str
    architectures: list[str]

    def get_text_config(self) -> "ModelConfig":
        """The configuration of the decoder; the configuration itself where the model has no other part."""

    def save_pretrained(self, save_directory: Path) -> object:
        """Write `config.json`."""


class GenerationDefaults(Protocol):
    """The `generation_config` of a model."""

    suppress_tokens: list[int] | None

    def to_json_file(self, json_file_path: Path) -> object:
        """Write the file without checking the values."""


class VocabularyLayer(Protocol):
    """The input embedding or the output layer of a model. An output layer may have a bias, read with `getattr`."""

    weight: "torch.nn.Parameter"
    """[rows, hidden size]."""


class ModelOutput(Protocol):
    """The result of the forward pass."""

    logits: "torch.Tensor"
    """[sequences, length, rows of the output layer]."""


class CausalLanguageModel(Protocol):
    """A causal language model of transformers: an `nn.Module` with a configuration and embeddings."""

    config: ModelConfig
    generation_config: GenerationDefaults
    name_or_path: str

    @property
    def dtype(self) -> "torch.dtype":
        """Of the weights."""

    def __call__(self, **inputs: object) -> ModelOutput:
        """The forward pass."""

    def train(self, mode: bool = True) -> object:
        """Switch dropout on."""

    def eval(self) -> object:
        """Switch dropout off."""

    def parameters(self) -> "Iterator[torch.nn.Parameter]":
        """All parameters, shared ones once."""

    def named_parameters(self) -> "Iterator[tuple[str, torch.nn.Parameter]]":
        """All parameters with their names."""

    def modules(self) -> "Iterator[torch.nn.Module]":
        """All modules."""

    def get_submodule(self, target: str) -> "torch.nn.Module":
        """The module of a path."""

    def state_dict(self, *, keep_vars: bool = False) -> "dict[str, torch.Tensor]":
        """Parameters and persistent buffers by name; with `keep_vars` the objects themselves."""

    def get_input_embeddings(self) -> VocabularyLayer:
        """The layer that looks tokens up."""

    def get_output_embeddings(self) -> VocabularyLayer | None:
        """The layer that gives the logits."""

    def tie_weights(self) -> object:
        """Make tied parameters the same object."""

    def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs: dict[str, bool]) -> object:
        """Recompute activations in the backward pass."""

    def resize_token_embeddings(self, new_num_tokens: int, *, mean_resizing: bool) -> object:
        """Change the number of rows of the embeddings."""


class GatedOptimizer(Protocol):
    """An optimizer with a gate, such as `training.engine.optimizer.GatedAdamW`."""

    gate: Callable[[], bool] | None
    """Whether the step may be made; None allows each."""


class WrappedOptimizer(Protocol):
    """DeepSpeed's optimizer around the run's own one. What only some ZeRO stages have is read with `getattr`."""

    param_groups: list[dict[str, Any]]
    """As of a torch optimizer: `params`, `lr`, `weight_decay`, …"""
    state: "Mapping[torch.Tensor, dict[str, torch.Tensor]]"
    """Parameter -> its moments and its number of steps."""
    _global_grad_norm: float
    """The norm of the gradients, while `step` runs; all stages above 0 and bf16 have it."""


class Engine(Protocol):
    """DeepSpeed's engine: a model with its optimizer, sharded according to its ZeRO stage."""

    module: CausalLanguageModel
    optimizer: WrappedOptimizer
    basic_optimizer: GatedOptimizer
    """The optimizer that the run made; the same object as `optimizer` where DeepSpeed does not wrap it."""

    def __call__(self, **inputs: object) -> ModelOutput:
        """The model's forward pass."""

    def train(self) -> object:
        """Switch dropout on."""

    def eval(self) -> object:
        """Switch dropout off."""

    def backward(self, loss: "torch.Tensor") -> object:
        """The backward pass of one micro-batch."""

    def step(self) -> object:
        """Count a micro-batch; after the last one of a batch, make the optimizer's step."""

    def get_global_grad_norm(self) -> float:
        """The norm of the last step's gradients, before clipping."""

    def zero_optimization_stage(self) -> int:
        """0 to 3."""

    def bfloat16_enabled(self) -> bool:
        """Whether the model computes in bf16."""

    def save_checkpoint(self, save_dir: str, *, tag: str, save_latest: bool, exclude_frozen_parameters: bool) -> object:
        """Write this rank's part of a checkpoint."""

    def load_checkpoint(self, load_dir: str, *, tag: str, load_lr_scheduler_states: bool, load_module_strict: bool) -> object:
        """Read this rank's part of a checkpoint."""
