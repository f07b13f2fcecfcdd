"""Scores against a second implementation: a Llama in NumPy, one candidate at a time, on the tokenizer's own file."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from eval.config import EvalSettings
from eval.results.evaluation_results import read_results
from eval.results.item_records import read_records
from eval.scoring.evaluation_run import evaluate_model
from spark_jobs.common.errors import ConfigurationError

from .numpy_llama import NumpyLlama

TASKS = ["xcodah_ja", "xcodah_en", "xcsqa_ja", "xcsqa_en"]
BOS, EOS = 1, 2


def expected_loglikelihoods(llama, tokenizer, prompt: str, choices: list[str], start: Sequence[int] = (BOS,)) -> list[float]:
    """Log-likelihood of each choice after `start` and the prompt, tokenised with the prompt as one text."""
    loglikelihoods = []
    for choice in choices:
        context = [*start, *(tokenizer.encode(prompt, add_special_tokens=False).ids if prompt else [])]
        whole = [*start, *tokenizer.encode(prompt + choice, add_special_tokens=False).ids]
        logprobs = llama.logprobs(whole)
        loglikelihoods.append(sum(logprobs[position - 1, whole[position]] for position in range(len(context), len(whole))))
    return loglikelihoods


def prompts_and_choices(xcsr: Path, task: str) -> list[tuple[str, list[str], int]]:
    tag, language = task.split("_")
    code = {"ja": "jap", "en": "en"}[language]
    asked = []
    for line in (xcsr / {"xcodah": "X-CODAH", "xcsqa": "X-CSQA"}[tag] / code / "dev.jsonl").read_text().splitlines():
        row = json.loads(line)
        texts = [choice["text"] for choice in row["question"]["choices"]]
        gold = "ABCDE".index(row["answerKey"])
        if tag == "xcodah":
            asked.append(("", texts, gold))
        else:
            asked.append((f"Question: {row['question']['stem']}\nAnswer:", [f" {text}" for text in texts], gold))
    return asked


def settings(model: Path, xcsr: Path, output_dir: Path, **options) -> EvalSettings:
    values = {"tasks": TASKS, "num_fewshot": 0, "batch_size": 7, "device": "cpu"} | options
    return EvalSettings(model=model, data_dir=xcsr, output_dir=output_dir, **values)


@pytest.fixture(scope="module")
def evaluated(tiny_model, xcsr, tmp_path_factory):
    output_dir = tmp_path_factory.mktemp("evaluated")
    evaluate_model(settings(tiny_model, xcsr, output_dir))
    return output_dir


@pytest.mark.parametrize("task", TASKS)
def test_every_candidate_has_the_log_likelihood_of_a_second_implementation(task, evaluated, tiny_model, xcsr):
    from tokenizers import Tokenizer

    llama, tokenizer = NumpyLlama(tiny_model), Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    asked = prompts_and_choices(xcsr, task)
    records = read_records(evaluated, task)
    assert [record.id for record in records] == [f"item{number}" for number in range(6)]
    correct = {"acc": [], "acc_norm": [], "acc_bytes": []}
    for record, (prompt, choices, gold) in zip(records, asked, strict=True):
        expected = expected_loglikelihoods(llama, tokenizer, prompt, choices)
        assert record.loglikelihoods == pytest.approx(expected, rel=1e-4)
        lengths = {
            "acc": [1] * len(choices),
            "acc_norm": [len(choice.strip()) for choice in choices],
            "acc_bytes": [len(choice.strip().encode()) for choice in choices],
        }
        for metric, divisors in lengths.items():
            best = int(np.argmax(np.array(expected) / divisors))
            assert record.metrics[metric] == (best == gold)
            correct[metric].append(best == gold)
        assert (record.prediction, record.gold) == (int(np.argmax(expected)), gold)
    result = read_results(evaluated).tasks[task]
    for metric, answers in correct.items():
        assert result.scores[metric].value == pytest.approx(np.mean(answers), abs=1e-12)
        assert result.scores[metric].stderr == pytest.approx(np.std(answers, ddof=1) / np.sqrt(6), abs=1e-12)
    assert (result.n, result.num_fewshot) == (6, 0)
    assert result.chance == pytest.approx(1 / len(asked[0][1]))


def test_the_scores_differ(evaluated):
    tasks = read_results(evaluated).tasks.values()
    assert len({score.value for task in tasks for score in task.scores.values()}) > 2


def test_a_tokenizer_that_appends_eos_and_adds_no_bos_gives_the_same_scores(evaluated, tiny_model, xcsr, tmp_path):
    from tokenizers import Tokenizer, processors

    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    tokenizer.save(str(model / "tokenizer.json"))
    assert tokenizer.encode("a").tokens[-1] == "</s>"
    evaluate_model(settings(model, xcsr, tmp_path / "out", tasks=["xcsqa_ja"]))
    ours, plain = read_records(tmp_path / "out", "xcsqa_ja"), read_records(evaluated, "xcsqa_ja")
    assert [record.loglikelihoods for record in ours] == [record.loglikelihoods for record in plain]


@pytest.fixture(scope="module")
def bfloat16_model(tiny_model, tmp_path_factory):
    """The same model, saved in bfloat16."""
    import torch
    from transformers import AutoModelForCausalLM

    folder = shutil.copytree(tiny_model, tmp_path_factory.mktemp("bfloat16") / "model")
    AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.bfloat16).save_pretrained(folder)
    return folder


def test_log_likelihoods_of_a_bfloat16_model_are_computed_in_higher_precision(
    evaluated, bfloat16_model, xcsr, tmp_path, monkeypatch
):
    """Against the logits of the same pass: another pass or another CPU rounds them differently in bfloat16."""
    import torch

    import eval.scoring.language_model
    import eval.scoring.likelihood

    score_candidates, logits_of = eval.scoring.likelihood.score_candidates, eval.scoring.likelihood._logits
    recorded_logits, found = [], []

    def recorded(*arguments):
        recorded_logits.append(logits_of(*arguments))
        return recorded_logits[-1]

    def checked(model, batch):
        answers = score_candidates(model, batch)
        assert recorded_logits[-1].dtype == torch.bfloat16
        logprobs = recorded_logits[-1].double().log_softmax(-1)
        start = 0
        for candidate in batch:
            target = torch.tensor(candidate.continuation)
            expected = logprobs[start : start + len(target)].gather(-1, target[:, None]).sum()
            start += len(target)
            assert answers[candidate.index].loglikelihood == pytest.approx(float(expected), rel=1e-6)
            found.append(answers[candidate.index].loglikelihood)
        return answers

    monkeypatch.setattr(eval.scoring.likelihood, "_logits", recorded)
    monkeypatch.setattr(eval.scoring.language_model, "score_candidates", checked)
    evaluate_model(settings(bfloat16_model, xcsr, tmp_path))
    assert len(found) == 6 * (4 + 4 + 5 + 5)
    values = torch.tensor(found, dtype=torch.float64)
    assert (values != values.bfloat16().double()).all()
    for task in TASKS:
        assert read_results(tmp_path).tasks[task].dtype == "bfloat16"
        for ours, full in zip(read_records(tmp_path, task), read_records(evaluated, task), strict=True):
            assert ours.loglikelihoods == pytest.approx(full.loglikelihoods, rel=0.02)


def _without(folder: Path, *tokens: str) -> Path:
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in config.items() if key not in tokens}))
    return folder


@pytest.mark.parametrize(("task", "start"), [("xcodah_ja", [EOS]), ("xcodah_en", [EOS]), ("xcsqa_ja", []), ("xcsqa_en", [])])
def test_without_bos_a_text_without_a_prompt_begins_with_eos_and_a_prompt_with_itself(tiny_model, xcsr, tmp_path, task, start):
    from tokenizers import Tokenizer

    model = _without(shutil.copytree(tiny_model, tmp_path / "model"), "bos_token")
    evaluate_model(settings(model, xcsr, tmp_path / "out", tasks=[task]))
    llama, tokenizer = NumpyLlama(model), Tokenizer.from_file(str(model / "tokenizer.json"))
    asked = prompts_and_choices(xcsr, task)
    for record, (prompt, choices, _) in zip(read_records(tmp_path / "out", task), asked, strict=True):
        expected = expected_loglikelihoods(llama, tokenizer, prompt, choices, start)
        assert record.loglikelihoods == pytest.approx(expected, rel=1e-4)


def test_a_tokenizer_with_neither_bos_nor_eos_is_refused(tiny_model, xcsr, tmp_path):
    model = _without(shutil.copytree(tiny_model, tmp_path / "model"), "bos_token", "eos_token")
    with pytest.raises(ConfigurationError, match="names neither BOS nor EOS"):
        evaluate_model(settings(model, xcsr, tmp_path / "out"))


def test_the_batch_size_changes_rounding_alone(evaluated, tiny_model, xcsr, tmp_path):
    evaluate_model(settings(tiny_model, xcsr, tmp_path, tasks=["xcodah_en"], batch_size=1))
    for one, seven in zip(read_records(tmp_path, "xcodah_en"), read_records(evaluated, "xcodah_en"), strict=True):
        assert one.loglikelihoods == pytest.approx(seven.loglikelihoods, rel=1e-5)
        assert one.prediction == seven.prediction


def test_limit_scores_the_first_items_only(evaluated, tiny_model, xcsr, tmp_path):
    evaluate_model(settings(tiny_model, xcsr, tmp_path, tasks=["xcodah_ja"], limit=2))
    records = read_records(tmp_path, "xcodah_ja")
    assert [record.doc_hash for record in records] == [record.doc_hash for record in read_records(evaluated, "xcodah_ja")][:2]
    assert read_results(tmp_path).tasks["xcodah_ja"].n == 2
