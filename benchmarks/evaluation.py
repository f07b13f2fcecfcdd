"""Measure the scoring of multiple choice with few-shot examples: eval.run, lm-eval, and one candidate at a time.

    python benchmarks/evaluation.py build/models/smollm2-135m-instruct

The items are the 48 in the format of X-CSQA that ship with the repository: 16 each in Japanese, Spanish and English, with five
candidates. All tools get the same requests of lm-eval, with solved examples, and the same weights in float32:

    eval.run               each context is read once; batches by length; logits only for the tokens of candidates
    lm-eval                its model class `hf`; batches by length
    one at a time          one pass for each candidate with its context, logits for all tokens, like the paper's code

The tools take turns. The time of a tool is the smallest CPU time, of all threads, of its repeats. The largest difference between
log-likelihoods is printed, to show that all tools did the same work. Machines differ and are noisy: compare the ratios.
"""

import argparse
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from measuring.machine import describe_machine

ROOT = Path(__file__).parents[1]
LANGUAGES = ["ja", "es", "en"]


def build_requests(fewshot: int, limit: int) -> list[Any]:
    """Returns the requests of lm-eval for the first `limit` items of each language."""
    from eval.config import EvalSettings
    from eval.scoring.lm_eval_tasks import load_tasks
    from eval.scoring.task_requests import request_tasks
    from eval.tasks.task_catalogue import read_catalogue, resolve_task_names, tasks_folder

    settings = EvalSettings(model="m", tasks=["xcsqa"], output_dir="o", data_dir=ROOT / "tests/sample/eval", num_fewshot=fewshot)
    tasks = resolve_task_names(settings.tasks, LANGUAGES, read_catalogue(tasks_folder()))
    requests = []
    for task in load_tasks(request_tasks(tasks, fewshot), settings).values():
        task.build_all_requests(limit=limit, rank=0, world_size=1)
        requests += task.instances
    return requests


def one_at_a_time_scorer(model: Any) -> Callable[[Sequence[Any]], list[tuple[float, bool]]]:
    """Returns a scorer that uses one forward pass of transformers for each candidate."""
    import torch

    def score(requests: Sequence[Any]) -> list[tuple[float, bool]]:
        answers = []
        for request in requests:
            context, continuation = model.encode_pair(*request.args)
            with torch.inference_mode():
                logprobs = model.model(torch.tensor([context + continuation])).logits[0].log_softmax(-1)
            places = range(len(context) - 1, len(context) + len(continuation) - 1)
            found = [float(logprobs[place, token]) for place, token in zip(places, continuation, strict=True)]
            greedy = logprobs[len(context) - 1 : -1].argmax(-1).tolist() == continuation
            answers.append((sum(found), greedy))
        return answers

    return score


def load_scorers(folder: Path, batch_size: int) -> dict[str, Callable[[Sequence[Any]], Any]]:
    """Loads the model for each tool. Returns name -> scorer of requests."""
    from lm_eval.models.huggingface import HFLM

    from eval.config import EvalSettings
    from eval.scoring.language_model import load_language_model

    options: dict[str, Any] = {"device": "cpu", "dtype": "float32", "batch_size": batch_size}
    ours = load_language_model(EvalSettings(model=folder, tasks=["t"], output_dir=Path("o"), **options))
    theirs = HFLM(pretrained=str(folder), add_bos_token=True, softmax_dtype="float32", **options)
    return {
        "eval.run": ours.loglikelihood,
        "lm-eval": lambda requests: theirs.loglikelihood(requests, disable_tqdm=True),
        "one at a time": one_at_a_time_scorer(ours),
    }


def main() -> None:
    """Parses the command line, scores one set of requests with each scorer, and prints their times and differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder of a model")
    parser.add_argument("--items", type=int, default=16, help="items of each language, at most 16")
    parser.add_argument("--fewshot", type=int, default=4, help="examples before each question")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=1)
    arguments = parser.parse_args()

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    requests = build_requests(arguments.fewshot, arguments.items)
    items = len({(request.task_name, request.doc_id) for request in requests})
    scorers = load_scorers(arguments.model, arguments.batch_size)
    smallest, answers = dict.fromkeys(scorers, float("inf")), {}
    for _ in range(arguments.repeat):
        for name, score in scorers.items():
            started = time.process_time()
            answers[name] = score(requests)
            smallest[name] = min(smallest[name], time.process_time() - started)
    difference = max(abs(a[0] - b[0]) for name in answers for a, b in zip(answers["eval.run"], answers[name], strict=True))
    print("|  | items per CPU second | speed, lm-eval = 1 | CPU seconds |\n|---|--:|--:|--:|")
    for name, seconds in smallest.items():
        print(f"| {name} | {items / seconds:.2f} | {smallest['lm-eval'] / seconds:.2f} | {seconds:.0f} |")
    print(
        f"\n{items} items in {', '.join(LANGUAGES)}, {len(requests)} candidates, {arguments.fewshot} examples, batches of "
        f"{arguments.batch_size}. Log-likelihoods differ by at most {difference:.4f} nats."
    )
    print(describe_machine(["torch", "transformers", "lm_eval"]))


if __name__ == "__main__":
    main()
