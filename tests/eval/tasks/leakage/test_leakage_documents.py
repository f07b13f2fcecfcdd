"""The search for tags finds a tag that leaks, also an added token that decoders hide."""

import pytest

from eval.config import EvalSettings
from eval.results.evaluation_results import read_results
from eval.results.item_records import read_records
from eval.scoring.evaluation_run import evaluate_model
from eval.tasks.leakage.leakage_documents import load_documents, process_continuation


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("カイロ<translate>Cairo</translate>です", 0),
        ("</translate>", 0),
        ("カイロです translate", 1),
        ("", 1),
        ("< translate >", 1),
    ],
)
def test_a_tag_is_found_anywhere_in_the_text(text, clean):
    assert process_continuation({"tags": ["<translate>", "</translate>"]}, [text]) == {"clean": clean}


def test_the_beginnings_are_in_the_papers_languages_and_english():
    rows = load_documents(tags=["<t>"])["test"]
    assert {row["language"] for row in rows} == {"en", "ar", "es", "hi", "ja", "ru", "sw", "zh"}
    assert len({row["id"] for row in rows}) == len(rows) == 24


@pytest.fixture
def leaky_model(tiny_model, tmp_path):
    """The tiny model with the tags as special tokens; the first tag is the likeliest token after the first beginning.

    Exported as in training, with a configuration that keeps `generate` from choosing the tags.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from training.model.model_export import export_model

    tokenizer, model = AutoTokenizer.from_pretrained(tiny_model), AutoModelForCausalLM.from_pretrained(tiny_model)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<translate>", "</translate>"]})
    model.resize_token_embeddings(len(tokenizer))
    tag = tokenizer.convert_tokens_to_ids("<translate>")
    assert tokenizer.decode([tag], skip_special_tokens=True) == ""  # so plain lm-eval does not see it
    with torch.no_grad():
        # With a large multiple of the last hidden state of the first beginning as its row, the tag has the largest logit there.
        first = [1, *tokenizer.encode("The capital of Egypt is Cairo", add_special_tokens=False)]
        hidden = model.model(torch.tensor([first])).last_hidden_state[0, -1]
        model.lm_head.weight[tag] = 1e3 * hidden
    folder = tmp_path / "leaky"
    export_model(model, tokenizer, folder, [tag, tokenizer.convert_tokens_to_ids("</translate>")], main=True)
    return folder


@pytest.mark.parametrize("leaks", [False, True])
def test_a_leak_shows_in_the_score(leaks, tiny_model, leaky_model, tmp_path):
    model = leaky_model if leaks else tiny_model
    evaluate_model(EvalSettings(model=model, tasks=["tag_leakage"], output_dir=tmp_path / "out", device="cpu", limit=6))
    result = read_results(tmp_path / "out").tasks["tag_leakage"]
    written = [str(record.prediction) for record in read_records(tmp_path / "out", "tag_leakage")]
    assert any("<translate>" in text for text in written) == leaks
    assert (result.scores["clean"].value < 1) == leaks
    assert result.data["shipped"] == "leakage"
