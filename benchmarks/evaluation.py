"""Multiple choice with examples in front: eval.run's scorer beside lm-eval's own and beside one candidate at a time.

    python benchmarks/evaluation.py build/models/smollm2-135m-instruct

The items are X-CSQA's form in the 48 items that ship with the repository (16 each in Japanese, Spanish and English, five
candidates, solved examples in front). Every tool is handed the same requests of lm-eval and the same weights in float32:

    eval.run               contexts read once, batched by length, logits for the candidates' tokens alone
    lm-eval                its model class `hf`, batched by length
    one at a time          each candidate with its context in a pass of its own, logits everywhere, as the paper's code scores

They take turns; the CPU time of all threads is counted, and the least of the repeats. Log-likelihoods are held against one
another, so all did the same work. Machines differ and are noisy: read the ratios.
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


def requests(fewshot: int, limit: int) -> list[Any]:
    """lm-eval's requests for the first `limit` items of each language."""
    from eval.config import EvalSettings
    from eval.scoring.lm_eval_adapter import entries, load_tasks
    from eval.tasks.task_catalogue import read_catalogue, resolve_task_names, tasks_folder

    settings = EvalSettings(model="m", tasks=["xcsqa"], output_dir="o", data_dir=ROOT / "tests/sample/eval", num_fewshot=fewshot)
    tasks = resolve_task_names(settings.tasks, LANGUAGES, read_catalogue(tasks_folder()))
    asked = []
    for task in load_tasks(entries(tasks, fewshot), settings).values():
        task.build_all_requests(limit=limit, rank=0, world_size=1)
        asked += task.instances
    return asked


def one_at_a_time(model: Any) -> Callable[[Sequence[Any]], list[tuple[float, bool]]]:
    """Each candidate's whole text in a pass of its own, with transformers alone."""
    import torch

    def score(asked: Sequence[Any]) -> list[tuple[float, bool]]:
        answers = []
        for request in asked:
            context, continuation = model.encode_pair(*request.args)
            with torch.inference_mode():
                logprobs = model.model(torch.tensor([context + continuation])).logits[0].log_softmax(-1)
            places = range(len(context) - 1, len(context) + len(continuation) - 1)
            found = [float(logprobs[place, token]) for place, token in zip(places, continuation, strict=True)]
            greedy = logprobs[len(context) - 1 : -1].argmax(-1).tolist() == continuation
            answers.append((sum(found), greedy))
        return answers

    return score


def tools(folder: Path, batch_size: int) -> dict[str, Callable[[Sequence[Any]], Any]]:
    """Name to scorer, each with the model loaded."""
    from lm_eval.models.huggingface import HFLM

    from eval.config import EvalSettings
    from eval.scoring.language_model import load_language_model

    options: dict[str, Any] = {"device": "cpu", "dtype": "float32", "batch_size": batch_size}
    ours = load_language_model(EvalSettings(model=folder, tasks=["t"], output_dir=Path("o"), **options))
    theirs = HFLM(pretrained=str(folder), add_bos_token=True, softmax_dtype="float32", **options)
    return {
        "eval.run": ours.loglikelihood,
        "lm-eval": lambda asked: theirs.loglikelihood(asked, disable_tqdm=True),
        "one at a time": one_at_a_time(ours),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="directory of a model")
    parser.add_argument("--items", type=int, default=16, help="of each language, 16 at most")
    parser.add_argument("--fewshot", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=1)
    arguments = parser.parse_args()

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    asked = requests(arguments.fewshot, arguments.items)
    items = len({(request.task_name, request.doc_id) for request in asked})
    scorers = tools(arguments.model, arguments.batch_size)
    least, answers = dict.fromkeys(scorers, float("inf")), {}
    for _ in range(arguments.repeat):
        for name, score in scorers.items():
            started = time.process_time()
            answers[name] = score(asked)
            least[name] = min(least[name], time.process_time() - started)
    apart = max(abs(a[0] - b[0]) for name in answers for a, b in zip(answers["eval.run"], answers[name], strict=True))
    print("|  | items per CPU second | speed, lm-eval = 1 | CPU seconds |\n|---|--:|--:|--:|")
    for name, seconds in least.items():
        print(f"| {name} | {items / seconds:.2f} | {least['lm-eval'] / seconds:.2f} | {seconds:.0f} |")
    print(
        f"\n{items} items in {', '.join(LANGUAGES)}, {len(asked)} candidates, {arguments.fewshot} examples, batches of "
        f"{arguments.batch_size}. Log-likelihoods differ by at most {apart:.4f} nats."
    )
    print(describe_machine(["torch", "transformers", "lm_eval"]))


if __name__ == "__main__":
    main()
