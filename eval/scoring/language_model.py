"""The model behind lm-eval's interface. Importing this module imports torch, transformers and lm-eval (seconds)."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from lm_eval.api.model import LM
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from eval.config import EvalSettings
from eval.scoring.generation import Prompt, batch_prompts, generate_answers, keep_ends_only
from eval.scoring.likelihood import Candidate, CandidateScore, batch_candidates, score_candidates
from eval.scoring.scoring_ranks import ScoringRanks
from spark_jobs.common.errors import ConfigurationError

AUTO_BATCH = {"cpu": 64, "cuda": 128}
"""Batch size of `batch_size: auto`; a batch that does not fit is halved."""


class CausalLM(LM):  # type: ignore[misc]  # lm-eval has no types
    """A causal language model with two ways of scoring.

    `standard`: every text begins with BOS and has no other special token; a prompt and its continuation are tokenised as one
    text. lm-eval leaves special tokens to the tokenizer, and tokenizers differ: some add BOS only if a post-processor does,
    some append EOS, which would shift the split between context and continuation. Without BOS, a text after a prompt begins
    with the prompt's first token, and a text without a prompt (X-CODAH) with EOS.

    `reference`: as the LEIA paper's code. No text begins with BOS, a text without a prompt is conditioned on EOS, and prompt and
    continuation are tokenised separately, so that SentencePiece puts an extra space in front of the continuation.
    """

    def __init__(self, model: Any, tokenizer: Any, batch_size: int, ranks: ScoringRanks) -> None:
        super().__init__()
        keep_ends_only(model, tokenizer)
        self.model, self.tokenizer, self.batch_size, self.ranks = model, tokenizer, batch_size, ranks
        self.scoring = "standard"
        self._advance: Callable[[int], object] = lambda _: None

    def report_to(self, advance: Callable[[int], object]) -> None:
        """Call `advance(n)` after every n texts, scored on any rank."""
        self._advance = advance

    def encode(self, text: str) -> list[int]:
        """Token ids of a text without a context: with BOS in `standard`, plain in `reference`."""
        ids = self._plain(text)
        bos = self.tokenizer.bos_token_id
        return [bos, *ids] if self.scoring == "standard" and bos is not None and ids[:1] != [bos] else ids

    def encode_pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        """Token ids of a context and of its continuation; the context has at least one.

        In `standard`, trailing spaces of the context belong to the continuation: tokenizers join them to the next word.
        """
        if not context:
            prefix, ids = self._prefix(), self._plain(continuation)
            return ([prefix], ids[1:]) if ids[:1] == [prefix] and self.scoring == "standard" else ([prefix], ids)
        if self.scoring == "reference":
            return self._plain(context), self._plain(continuation)
        spaces = len(context) - len(context.rstrip())
        if spaces:
            context, continuation = context[:-spaces], context[-spaces:] + continuation
        ids = self.encode(context)
        return ids, self.encode(context + continuation)[len(ids) :]

    def _plain(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return ids

    def _prefix(self) -> int:
        bos, eos = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        prefix = eos if self.scoring == "reference" or bos is None else bos
        if prefix is None:
            lacking = "no EOS" if self.scoring == "reference" else "neither BOS nor EOS"
            raise ConfigurationError(
                f"model: the tokenizer in {self.tokenizer.name_or_path} names {lacking}, so a text without a prompt has no "
                "first token; name the token that the model was trained with in tokenizer_config.json"
            )
        return int(prefix)

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """(log-likelihood, whether greedy decoding gives it) of each request.

        Raises `ConfigurationError` if a log-likelihood is not finite.
        """
        candidates = []
        for index, request in enumerate(requests):
            context, continuation = self.encode_pair(*request.args)
            candidates.append(Candidate(index, tuple(context), tuple(continuation)))
        self._check_length(max((len(c.context) + len(c.continuation) - 1 for c in candidates), default=0), "answer")
        answers: dict[int, CandidateScore] = self._on_all_ranks(
            batch_candidates(candidates, self.batch_size), lambda batch: score_candidates(self.model, batch)
        )
        for index, request in enumerate(requests):
            if not math.isfinite(answers[index].loglikelihood):  # lm-eval would choose the first of them
                raise ConfigurationError(
                    f"model: the log-likelihood of {request.args[1]!r} is {answers[index].loglikelihood} in "
                    f"{self.description()['dtype']}; set dtype=float32 or bfloat16, and if the error stays, the weights are "
                    "damaged or training diverged"
                )
        return [(answers[index].loglikelihood, answers[index].is_greedy) for index in range(len(requests))]

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """The greedy continuation of each request, up to the first of its stops."""
        prompts = []
        for index, request in enumerate(requests):
            text, options = request.args
            limit = self._longest_answer(request.doc) if options.get("longest_answer") else int(options["max_gen_toks"])
            prompts.append(Prompt(index, tuple(self.encode(text)), tuple(options["until"]), limit))
        self._check_length(max((len(prompt.ids) + prompt.limit for prompt in prompts), default=0), "room for an answer")
        answers: dict[int, str] = self._on_all_ranks(
            batch_prompts(prompts, self.batch_size), lambda batch: generate_answers(self.model, self.tokenizer, batch)
        )
        return [answers[index] for index in range(len(requests))]

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """Raises `NotImplementedError`: lm-eval uses it for perplexity, which no task in eval/tasks measures."""
        raise NotImplementedError(
            f"rolling log-likelihoods of {len(requests)} texts were requested: eval.run does not compute perplexity; run a "
            "perplexity task with plain `lm-eval run --model hf`"
        )

    def _longest_answer(self, document: Mapping[str, Any]) -> int:
        """Tokens of the longest right answer: the limit in the paper's harness, though it leaks the length."""
        return max(len(self._plain(answer)) for answer in document["answers"])

    def _on_all_ranks(self, all_batches: Sequence[list[Any]], answer: Callable[[list[Any]], dict[int, Any]]) -> dict[int, Any]:
        """The answers to all batches, on every rank; each rank computes its share."""
        answers: dict[int, Any] = {}
        for number, batch in enumerate(self.ranks.share(all_batches)):
            answers |= answer(batch)
            start = number * self.ranks.world_size  # the other ranks are about as far as this one
            self._advance(sum(map(len, all_batches[start : start + self.ranks.world_size])))
        return self.ranks.gather(answers)

    def _check_length(self, longest: int, purpose: str) -> None:
        """Refuse prompts longer than the context: cutting them would change the scores."""
        config = self.model.config.get_text_config()
        readable = getattr(config, "max_position_embeddings", None)
        if readable is not None and longest > readable:
            raise ConfigurationError(
                f"num_fewshot: the longest prompt with its {purpose} takes {longest} tokens, the model reads {readable}; "
                "set fewer examples, or a model with a longer context"
            )

    def description(self) -> dict[str, Any]:
        """Size, number format and device, for the record."""
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        return {
            "parameters": parameters,
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "device": self.model.device.type,
            "ranks": self.ranks.world_size,
        }


def load_language_model(settings: EvalSettings, ranks: ScoringRanks = ScoringRanks()) -> CausalLM:  # noqa: B008  (frozen)
    """The model of `settings` on its device. Reads safetensors only, and runs the directory's code only if configured."""
    disable_progress_bar()
    device = resolve_device(settings.device)
    trust = settings.trust_remote_code
    model = AutoModelForCausalLM.from_pretrained(
        settings.model, dtype=settings.dtype, use_safetensors=True, trust_remote_code=trust
    )
    tokenizer = AutoTokenizer.from_pretrained(settings.model, trust_remote_code=trust)
    batch_size = AUTO_BATCH[device] if settings.batch_size == "auto" else settings.batch_size
    model = model.to(f"cuda:{ranks.local_rank}" if device == "cuda" else device).eval()
    return CausalLM(model, tokenizer, batch_size, ranks)


def resolve_device(device: str) -> str:
    """`cpu` or `cuda`; raises `ConfigurationError` for `cuda` without a CUDA device."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError("device: 'cuda' is not available: torch finds no CUDA device; use auto or cpu")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device
