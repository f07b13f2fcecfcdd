"""Written answers are greedy, whatever generation_config.json contains, and do not hold the tokens that end them."""

import shutil

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from eval.config import EvalSettings
from eval.scoring.evaluation_run import evaluate_model
from eval.scoring.generation import Prompt, generate_answers, keep_ends_only
from spark_jobs.common.errors import ConfigurationError


@pytest.fixture
def model_and_tokenizer(tiny_model):
    return AutoModelForCausalLM.from_pretrained(tiny_model).eval(), AutoTokenizer.from_pretrained(tiny_model)


def generated_answer(model, tokenizer, **generation_config):
    for name, value in generation_config.items():
        setattr(model.generation_config, name, value)
    keep_ends_only(model, tokenizer)
    return generate_answers(model, tokenizer, [Prompt(0, (1, 1000, 2000, 3000), (), 12)])[0]


def test_penalties_and_suppressed_tokens_of_generation_config_do_not_change_answers(model_and_tokenizer):
    model, tokenizer = model_and_tokenizer
    plain = generated_answer(model, tokenizer)
    first = tokenizer.encode(plain, add_special_tokens=False)
    assert generated_answer(model, tokenizer, repetition_penalty=5.0, no_repeat_ngram_size=1, suppress_tokens=first) == plain


def test_every_end_token_ends_the_answer_and_is_left_out(model_and_tokenizer):
    model, tokenizer = model_and_tokenizer
    ids = torch.tensor([[1, 1000, 2000, 3000]])
    with torch.no_grad():
        following = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)[0, 4:].tolist()
    end = following[3]
    expected = tokenizer.decode(following[: following.index(end)])
    assert generated_answer(model, tokenizer, eos_token_id=[2, end]) == expected
    assert tokenizer.decode([end]) not in (expected, "")


def test_a_model_with_nan_log_likelihoods_is_refused(tiny_model, xcsr, tmp_path):
    folder = shutil.copytree(tiny_model, tmp_path / "diverged")
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        model.model.norm.weight[0] = float("nan")
    model.save_pretrained(folder)
    settings = EvalSettings(
        model=folder, tasks=["xcsqa_en"], data_dir=xcsr, output_dir=tmp_path / "out", device="cpu", num_fewshot=0
    )
    with pytest.raises(ConfigurationError, match=r"the log-likelihood of '.+' is nan in float32; .* training diverged"):
        evaluate_model(settings)
