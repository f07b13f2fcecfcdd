"""The files that are part of the fingerprint."""

import shutil

from eval.scoring.model_fingerprint import model_fingerprint


def test_code_that_runs_is_part_of_the_fingerprint(model_with_code):
    folder, _ = model_with_code
    plain, with_code = model_fingerprint(folder), model_fingerprint(folder, with_code=True)
    (folder / "modeling_own.py").write_text("# other\n")
    assert model_fingerprint(folder) == plain
    assert model_fingerprint(folder, with_code=True) != with_code != plain


def test_the_tokens_that_end_an_answer_are_part_of_the_fingerprint(tiny_model, tmp_path):
    from transformers import AutoModelForCausalLM

    folder = shutil.copytree(tiny_model, tmp_path / "model")
    before = model_fingerprint(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.generation_config.eos_token_id = [2, 7]
    model.generation_config.save_pretrained(folder)
    assert model_fingerprint(folder) != before
