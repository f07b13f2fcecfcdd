"""The model as lm-eval calls it. Importing this module imports torch, transformers and lm-eval (seconds)."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lm_eval.models.huggingface import HFLM

from eval.config import EvalSettings
from spark_jobs.settings import ConfigurationError


class CausalLM(HFLM):  # type: ignore[misc]  # lm-eval has no types
    """A causal language model whose every text begins with BOS, and with no other special token.

    lm-eval leaves special tokens to the tokenizer, and tokenizers differ: some add BOS only where a post-processor says
    so, some append EOS, which would shift the split between context and continuation. Here BOS is set on purpose.
    Without BOS, a text behind a prompt begins with the prompt's first token, and a text that stands alone (X-CODAH) with
    EOS: its first token needs something to be conditioned on, and lm-eval takes EOS for that.

    Log-likelihoods are taken in float32, whatever the weights are: bfloat16 has steps of 0.25 at -50 nats, and ties.
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        # use_safetensors goes on to `from_pretrained`: without it, a pickle is read where there is nothing else.
        super().__init__(
            pretrained=str(folder), trust_remote_code=False, use_safetensors=True, softmax_dtype="float32", **options
        )
        if self.prefix_token_id is None:
            raise ConfigurationError(
                f"model: the tokenizer in {folder} names neither BOS nor EOS, so a text that stands alone has nothing to "
                "begin with; set bos_token in tokenizer_config.json to the token that the model was trained with"
            )

    def report_to(self, advance: Callable[[int], object]) -> None:
        """Call `advance(1)` for each candidate as soon as it is scored."""
        self.set_cache_hook(_Counter(advance))

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, left_truncate_len: int | None = None, **_: Any
    ) -> list[int]:
        """Token ids of `string`, behind BOS unless `add_special_tokens` is False; at most the last `left_truncate_len`."""
        ids: list[int] = self.tokenizer.encode(string, add_special_tokens=False)
        bos = self.tokenizer.bos_token_id
        if add_special_tokens is not False and bos is not None and ids[:1] != [bos]:
            ids = [bos, *ids]
        return ids[-left_truncate_len:] if left_truncate_len else ids

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = True) -> list[tuple[float, bool]]:
        """(log-likelihood, whether greedy decoding gives it) of each request."""
        answers: list[tuple[float, bool]] = super().loglikelihood(requests, disable_tqdm=disable_tqdm)
        return answers

    def _loglikelihood_tokens(self, requests: list[Any], *arguments: Any, **options: Any) -> list[tuple[float, bool]]:
        """lm-eval would cut a long prompt from its beginning and go on: such scores mean something else, so they are refused."""
        longest = max(len(context) + len(continuation) for _, context, continuation in requests) - 1
        if longest > self.max_length:
            raise ConfigurationError(
                f"num_fewshot: the longest prompt with its answer takes {longest} tokens, the model reads {self.max_length}; "
                "give fewer examples, or a model with a longer context"
            )
        answers: list[tuple[float, bool]] = super()._loglikelihood_tokens(requests, *arguments, **options)
        return answers

    def _batch_scheduler(self, *arguments: Any) -> int:
        """The size of the next batch under `batch_size: auto`; lm-eval prints what it tries."""
        with contextlib.redirect_stdout(io.StringIO()):
            size: int = super()._batch_scheduler(*arguments)
        return size

    def description(self) -> dict[str, Any]:
        """Size, number format and device, for the record."""
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        return {"parameters": parameters, "dtype": str(self.model.dtype).removeprefix("torch."), "device": str(self.device)}


class _Counter:
    """Stands where lm-eval keeps its cache: there every answer arrives once, as soon as it is known.

    Rows that the model reads are no measure: one row answers all candidates that differ in their last token alone, and
    `batch_size: auto` has the model read rows that nobody asked for.
    """

    def __init__(self, advance: Callable[[int], object]) -> None:
        self._advance = advance

    def add_partial(self, _kind: str, _request: Any, _answer: Any) -> None:
        self._advance(1)


def load_language_model(settings: EvalSettings) -> CausalLM:
    """The model of `settings` on its device."""
    return CausalLM(
        settings.model,
        device=resolve_device(settings.device),
        dtype=settings.dtype,
        batch_size=settings.batch_size,
    )


def resolve_device(device: str) -> str:
    """`cpu` or `cuda`; refuses `cuda` where there is none."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError("device: 'cuda' is not allowed: torch sees no CUDA device here; use auto or cpu")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device
