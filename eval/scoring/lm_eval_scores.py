"""A task scored by lm-eval's evaluator: its output as scores with standard errors and as item records."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eval.results.evaluation_results import Score
from eval.results.item_records import ItemRecord
from eval.scoring.lm_eval_tasks import LmEvalTask
from eval.scoring.task_requests import TaskRequest

if TYPE_CHECKING:
    from eval.scoring.language_model import CausalLM


@dataclass(frozen=True)
class TaskOutcome:
    """One task, scored."""

    scores: dict[str, Score]
    records: list[ItemRecord]
    num_fewshot: int
    """The number used."""

    @property
    def chance(self) -> float:
        """Expected accuracy of a guess: the mean of 1 / number of choices; 0 where the model writes its answer."""
        guesses = [1 / len(record.loglikelihoods) if record.loglikelihoods else 0.0 for record in self.records]
        return sum(guesses) / len(guesses)


def score_task(request: TaskRequest, task: LmEvalTask, model: "CausalLM", limit: int | None) -> TaskOutcome:
    """Score the first `limit` items (None: all) of a loaded task, in the scoring that its file names. Imports lm-eval."""
    from lm_eval import evaluate

    name = request.task.name
    model.scoring = request.task.scoring
    outcome = evaluate(lm=model, task_dict={"tasks": {name: task}}, limit=limit, log_samples=True, bootstrap_iters=0)
    used = outcome["n-shot"][name]
    if request.task.scoring == "reference" and request.task.takes_examples:
        used = request.task.default_fewshot if request.num_fewshot is None else request.num_fewshot
    scores = parse_scores(outcome["results"][name])
    records = records_of_samples(outcome["samples"][name])
    for metric, score in scores.items():  # without bootstrap, lm-eval computes no standard errors
        scores[metric] = Score(value=score.value, stderr=standard_error([record.metrics[metric] for record in records]))
    return TaskOutcome(scores, records, used)


def standard_error(values: Sequence[float]) -> float | None:
    """Sample standard deviation over the root of n; None for a single value."""
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def records_of_samples(samples: Iterable[Mapping[str, Any]]) -> list[ItemRecord]:
    """lm-eval's samples as records, in the order of documents."""
    return [_record(sample) for sample in sorted(samples, key=lambda sample: sample["doc_id"])]


def _record(sample: Mapping[str, Any]) -> ItemRecord:
    document = sample["doc"]
    shared = {
        "doc_id": sample["doc_id"],
        "id": str(document["id"]),
        "gold": sample["target"],
        "metrics": {metric: float(sample[metric]) for metric in sample["metrics"]},
        "doc_hash": sample["doc_hash"],
        "prompt_hash": sample["prompt_hash"],
        "attributes": document.get("attributes") or {},
    }
    answers = sample["filtered_resps"]
    if isinstance(answers[0], str):
        return ItemRecord(prediction=answers[0], **shared)
    loglikelihoods = [float(loglikelihood) for loglikelihood, _greedy in answers]
    best = max(range(len(loglikelihoods)), key=loglikelihoods.__getitem__)
    return ItemRecord(loglikelihoods=loglikelihoods, prediction=best, **shared)


def parse_scores(metrics: Mapping[str, Any]) -> dict[str, Score]:
    """lm-eval's `{"acc,none": 0.5, "acc_stderr,none": 0.1, ...}` as scores; its "N/A" becomes null.

    >>> parse_scores({"alias": "t", "acc,none": 0.5, "acc_stderr,none": "N/A"})
    {'acc': Score(value=0.5, stderr=None)}
    """
    scores = {}
    for key, value in metrics.items():
        name, comma, filter_ = key.partition(",")
        if comma and not name.endswith("_stderr"):
            stderr = metrics.get(f"{name}_stderr,{filter_}")
            scores[name] = Score(value=float(value), stderr=float(stderr) if isinstance(stderr, int | float) else None)
    return scores
