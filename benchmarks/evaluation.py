"""Multiple choice with examples in front: eval.run's scorer beside lm-eval's own, on the same items and model.

    python benchmarks/evaluation.py build/models/smollm2-135m-instruct --items 24 --fewshot 4

The items are made up (the text of a prompt does not change its cost), five candidates each. Every tool scores the same requests
in turn; log-likelihoods are compared, so the two did the same work.
"""

import argparse
import json
import logging
import time
from pathlib import Path
from types import SimpleNamespace

from machine import describe_machine


def requests(items: int, fewshot: int) -> list[SimpleNamespace]:
    """Questions with five answers, `fewshot` solved ones in front, as lm-eval hands them over."""
    words = ["pond", "river", "letter", "baker", "cloud", "wheel", "garden", "station", "mountain", "harbour"]
    asked = []
    for item in range(items):
        shots = [
            f"Question: Where would somebody look for a {words[(item + shot) % 10]} beside a {words[(item * 3 + shot) % 10]}?\n"
            f"Answer: near the {words[(item + 2 * shot) % 10]}\n\n"
            for shot in range(fewshot)
        ]
        context = f"{''.join(shots)}Question: What is number {item} about a {words[item % 10]}?\nAnswer:"
        asked += [SimpleNamespace(args=(context, f" near the {words[(item + answer) % 10]}")) for answer in range(5)]
    return asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="directory of a model")
    parser.add_argument("--items", type=int, default=24)
    parser.add_argument("--fewshot", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=2)
    arguments = parser.parse_args()

    from lm_eval.models.huggingface import HFLM

    from eval.config import EvalSettings
    from eval.language_model import load_language_model

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    settings = EvalSettings(
        model=arguments.model, tasks=["t"], output_dir="o", device="cpu", dtype="float32", batch_size=arguments.batch_size
    )
    ours = load_language_model(settings)
    theirs = HFLM(
        pretrained=str(arguments.model), device="cpu", dtype="float32", batch_size=arguments.batch_size, add_bos_token=True,
        softmax_dtype="float32",
    )  # fmt: skip
    asked = requests(arguments.items, arguments.fewshot)
    tools = {"eval.run": ours.loglikelihood, "lm-eval": lambda batch: theirs.loglikelihood(batch, disable_tqdm=True)}
    best, answers = dict.fromkeys(tools, float("inf")), {}
    for _ in range(arguments.repeat):
        for name, score in tools.items():
            started = time.perf_counter()
            answers[name] = score(asked)
            best[name] = min(best[name], time.perf_counter() - started)
    apart = max(abs(a[0] - b[0]) for a, b in zip(*answers.values(), strict=True))
    print(f"| {arguments.items} items, {arguments.fewshot} examples | seconds | candidates/s | lm-eval = 1 |\n|---|--:|--:|--:|")
    for name, seconds in best.items():
        print(f"| {name} | {seconds:.1f} | {len(asked) / seconds:.1f} | {best['lm-eval'] / seconds:.1f} |")
    print(f"\nLog-likelihoods differ by at most {apart:.4f} nats.")
    print(json.dumps(describe_machine(["torch", "transformers", "lm_eval"])))


if __name__ == "__main__":
    main()
