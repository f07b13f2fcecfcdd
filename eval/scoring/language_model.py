"""The model as lm-eval calls it. Importing this module imports torch, transformers and lm-eval (seconds)."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from lm_eval.api.model import LM
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from eval.config import EvalSettings
from eval.scoring.generation import Prompt, generate, generation_batches, keep_ends_only
from eval.scoring.likelihood import Answer, Candidate, batches, score
from eval.scoring.scoring_ranks import ScoringRanks
from spark_jobs.common.errors import ConfigurationError

AUTO_BATCH = {"cpu": 64, "cuda": 128}
"""What `batch_size: auto` begins with; a batch that does not fit is halved."""


class CausalLM(LM):  # type: ignore[misc]  # lm-eval has no types
    """A causal language model that answers in one of two ways.

    `standard`: every text begins with BOS and has no other special token; a prompt and its continuation are tokenised as one
    text. lm-eval leaves special tokens to the tokenizer, and tokenizers differ: some add BOS only where a post-processor says
    so, some append EOS, which would shift the split between context and continuation. Without BOS, a text behind a prompt
    begins with the prompt's first token, and a text that stands alone (X-CODAH) with EOS.

    `reference`: as the LEIA paper's code. No text begins with BOS, one that stands alone is conditioned on EOS, and prompt and
    continuation are tokenised apart, so that SentencePiece puts a space of its own in front of the continuation.
    """

    def __init__(self, model: Any, tokenizer: Any, batch_size: int, ranks: ScoringRanks) -> None:
        super().__init__()
        keep_ends_only(model, tokenizer)
        self.model, self.tokenizer, self.batch_size, self.ranks = model, tokenizer, batch_size, ranks
        self.scoring = "standard"
        self._advance: Callable[[int], object] = lambda _: None

    def report_to(self, advance: Callable[[int], object]) -> None:
        """Call `advance(n)` for every n candidates that were scored, whichever rank did."""
        self._advance = advance

    def encode(self, text: str) -> list[int]:
        """Token ids of a text that nothing stands in front of: behind BOS in `standard`, plain in `reference`."""
        ids = self._plain(text)
        bos = self.tokenizer.bos_token_id
        return [bos, *ids] if self.scoring == "standard" and bos is not None and ids[:1] != [bos] else ids

    def encode_pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        """Token ids of a context and of its continuation; the context has at least one.

        In `standard`, trailing spaces of the context count as the continuation's: tokenizers join them to the next word.
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
                f"model: the tokenizer in {self.tokenizer.name_or_path} names {lacking}, so a text that stands alone has "
                "nothing to begin with; name the token that the model was trained with in tokenizer_config.json"
            )
        return int(prefix)

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """(log-likelihood, whether greedy decoding gives it) of each request."""
        candidates = []
        for index, request in enumerate(requests):
            context, continuation = self.encode_pair(*request.args)
            candidates.append(Candidate(index, tuple(context), tuple(continuation)))
        self._check_length(max((len(c.context) + len(c.continuation) - 1 for c in candidates), default=0), "answer")
        answers: dict[int, Answer] = self._dealt(batches(candidates, self.batch_size), lambda batch: score(self.model, batch))
        for index, request in enumerate(requests):
            if not math.isfinite(answers[index].loglikelihood):  # lm-eval would take the first of them for the likeliest
                raise ConfigurationError(
                    f"model: the log-likelihood of {request.args[1]!r} is {answers[index].loglikelihood} in "
                    f"{self.description()['dtype']}; evaluate in dtype=float32 or bfloat16, and if it is the same there, the "
                    "weights are damaged or training diverged"
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
        answers: dict[int, str] = self._dealt(
            generation_batches(prompts, self.batch_size), lambda batch: generate(self.model, self.tokenizer, batch)
        )
        return [answers[index] for index in range(len(requests))]

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """Refused: lm-eval's interface has it, for the perplexity of whole texts, and no task in eval/tasks is of that kind."""
        raise NotImplementedError(
            f"rolling log-likelihoods were asked for, of {len(requests)} texts: lm-eval scores perplexity by them, no task in "
            "eval/tasks does, so eval.run does not compute them; run a perplexity task with plain `lm-eval run --model hf`"
        )

    def _longest_answer(self, document: Mapping[str, Any]) -> int:
        """Tokens of the longest right answer: what the paper's harness lets a model say, though it leaks the length."""
        return max(len(self._plain(answer)) for answer in document["answers"])

    def _dealt(self, all_batches: Sequence[list[Any]], answer: Callable[[list[Any]], dict[int, Any]]) -> dict[int, Any]:
        """Answers to all batches: each rank its share, then all of them on every rank."""
        answers: dict[int, Any] = {}
        for number, batch in enumerate(self.ranks.share(all_batches)):
            answers |= answer(batch)
            start = number * self.ranks.world_size  # the other ranks are about as far
            self._advance(sum(map(len, all_batches[start : start + self.ranks.world_size])))
        return self.ranks.gather(answers)

    def _check_length(self, longest: int, what: str) -> None:
        """Cut prompts would score something else, so they are refused."""
        config = self.model.config.get_text_config()
        readable = getattr(config, "max_position_embeddings", None)
        if readable is not None and longest > readable:
            raise ConfigurationError(
                f"num_fewshot: the longest prompt with its {what} takes {longest} tokens, the model reads {readable}; "
                "give fewer examples, or a model with a longer context"
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
    """The model of `settings` on its device; only safetensors are read, and no code but transformers' own unless named."""
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
    """`cpu` or `cuda`; refuses `cuda` where there is none."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError("device: 'cuda' is not allowed: torch sees no CUDA device here; use auto or cpu")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device
