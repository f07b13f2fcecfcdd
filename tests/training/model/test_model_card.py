"""The model card: its head, and the facts that readers need."""

import pytest
import yaml
from huggingface_hub import ModelCard

from training.config import TrainSettings
from training.model.model_card import base_model_name, describe_insertion, language_tags, model_card, model_card_head

TAGS = (63, 64)
RUN = {
    "steps": 12,
    "tokens": 6144,
    "links_seen": 1234,
    "links_inserted": 617,
    "first_loss": 4.17438,
    "last_loss": 2.5,
    "skipped_steps": 0,
    "parameters": 60_000,
    "trained_parameters": 60_000,
    "precision": "bf16",
    "zero_stage": 3,
    "ranks": 2,
    "device": "cpu",
    "data_fingerprint": "d" * 32,
    "stream_fingerprint": "f" * 32,
    "stream_hash": "a" * 32,
    "tokenizer": {"name": "words", "vocab_size": 63, "vocabulary_sha256": "e" * 64},
    "pivot": "en",
    "span_mapping": "exact",
    "versions": {"python": "3.11.9", "torch": "2.10.0"},
}


def settings_of(run_settings, tmp_path, **changes):
    return TrainSettings(**run_settings(tmp_path / "run", 2, **changes))


def head(text):
    return yaml.safe_load(text)


def test_the_head_of_the_card_is_what_the_hub_reads(run_settings, tmp_path):
    model = {"path": "meta-llama/Llama-2-7b-hf", "lora": None}
    found = head(model_card_head(settings_of(run_settings, tmp_path, model=model)))
    assert found == {
        "language": ["es", "ja"],
        "base_model": "meta-llama/Llama-2-7b-hf",
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "license": "other",
        "license_name": "license-of-the-base-model",
        "license_link": "https://huggingface.co/meta-llama/Llama-2-7b-hf",
        "tags": ["leia", "wikipedia", "cross-lingual"],
    }


def test_a_local_base_model_has_no_hub_id_and_its_folders_stay_private(run_settings, tmp_path, base_model):
    settings = settings_of(run_settings, tmp_path)
    assert "base_model" not in head(model_card_head(settings))
    assert base_model_name(str(base_model)) == "model"
    prose = model_card(settings, RUN, TAGS).partition("## Configuration")[0]
    assert str(base_model.parent) not in prose


@pytest.mark.parametrize(
    ("wikis", "tags"),
    [
        (("eswiki", "jawiki"), ["es", "ja"]),
        (("zh_yuewiki",), ["yue"]),
        (("nowiki",), ["nb"]),
        (("simplewiki",), ["en-simple"]),
        (("corpus_a", "wiki"), []),
    ],
)
def test_languages_of_the_card_are_tags_of_the_wikis_languages(wikis, tags):
    assert language_tags(wikis) == tags


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"strategy": "left"}, "before it with probability 0.5, between tags"),
        ({"strategy": "replace", "probability": 1.0, "tags": False}, "in its place with probability 1, without tags"),
        ({"predict_names": False}, "between tags; the loss does not count the names"),
    ],
)
def test_the_card_describes_how_names_were_inserted(run_settings, tmp_path, changes, text):
    settings = settings_of(run_settings, tmp_path, insertion=changes)
    assert describe_insertion(settings.insertion, "en").endswith(text)


def test_the_card_has_the_facts_that_a_reader_needs(run_settings, tmp_path):
    settings = settings_of(run_settings, tmp_path)
    card = ModelCard(model_card(settings, RUN, TAGS))
    assert card.data.language == ["es", "ja"]
    for part in (
        "arXiv 2402.11485",
        "| names inserted | 617 |",
        "| tokens | 6,144 |",
        "| data | `dddddddddddddddddddddddddddddddd` |",
        "| stream hash after step 12 | `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` |",
        "`<translate>` and `</translate>`",
        "63 and 64",
        "| torch | 2.10.0 |",
        "CC BY-SA 4.0",
        'AutoModelForCausalLM.from_pretrained("path/to/this/folder"',
    ):
        assert part in card.text, part
    configuration = card.text.partition("```yaml\n")[2].partition("```")[0]
    assert TrainSettings(**yaml.safe_load(configuration)) == settings


def test_a_card_of_a_run_without_tags_does_not_mention_them(run_settings, tmp_path):
    settings = settings_of(run_settings, tmp_path, insertion={"tags": False})
    assert "translate>" not in model_card(settings, RUN, ())


def test_a_card_of_a_run_without_names_calls_it_a_baseline(run_settings, tmp_path):
    settings = settings_of(run_settings, tmp_path, insertion={"strategy": "none"})
    card = model_card(settings, RUN | {"links_inserted": 0}, ())
    assert "as they are, without any names: a baseline" in card
    assert "translate>" not in card
    assert "probability" not in card.partition("## Configuration")[0]


def test_a_card_of_a_run_whose_steps_were_all_skipped_says_so(run_settings, tmp_path):
    card = model_card(settings_of(run_settings, tmp_path), RUN | {"first_loss": None, "last_loss": None}, TAGS)
    assert card.count("| none: the guard skipped all |") == 2


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        (None, None),
        ("keep", "Its other parts are here as they were in the base model: load it with the class of the base model."),
        ("drop", "The other parts of the base model, such as a vision tower, are not in this folder."),
    ],
)
def test_the_card_states_what_became_of_other_parts(run_settings, tmp_path, base_model, decision, sentence):
    model = {"path": str(base_model), "other_parts": decision}
    card = model_card(settings_of(run_settings, tmp_path, model=model), RUN, TAGS, kept=decision == "keep")
    assert ("Only the text model of the base checkpoint was trained." in card) == (decision is not None)
    assert sentence is None or sentence in card
