"""What a person is shown of the corpus and of the stream."""

import dataclasses
import json
import re

import numpy as np
import pytest

from training.config import DataSettings
from training.data.encoded_corpus import open_corpus
from training.preview import Decoder, PreviewSettings, figures, load_corpus_tokenizer, preview, shown_sequence
from training.stream.stream_rules import StreamRules
from training.stream.token_stream import Stream

OPEN, CLOSE = 63, 64
RULES = StreamRules(
    seed=2,
    sequence_length=64,
    global_batch_size=8,
    slots=8,
    shuffle_window=2,
    strategy="right",
    probability=0.5,
    tags=(OPEN, CLOSE),
    bos=1,
    eos=None,
    predict_names=False,
)


@pytest.fixture(scope="module")
def opened(corpus):
    return open_corpus(DataSettings(**corpus.data))


@pytest.fixture(scope="module")
def tokenizer(corpus):
    loaded = load_corpus_tokenizer(DataSettings(**corpus.data))
    loaded.add_tokens(["<translate>", "</translate>"], special_tokens=True)
    return loaded


def test_names_and_tags_are_coloured_and_what_the_loss_skips_is_dim(opened, tokenizer):
    stream = Stream(opened, RULES)
    shown, pages = shown_sequence(stream, 0, Decoder(tokenizer))
    assert tokenizer.encode(shown.plain.replace("<", " <").replace(">", "> "), add_special_tokens=False) == (
        stream.batch(0).input_ids[0].tolist()
    )
    styles = {shown.plain[span.start : span.end].strip(): str(span.style) for span in shown.spans if span.style}
    assert styles["<translate>"] == styles["</translate>"] == "cyan dim"
    assert {style for text, style in styles.items() if "translate" not in text} == {"bold green dim"}
    assert len(pages) == len(set(pages)) >= 1


@pytest.mark.parametrize("strategy", ["left", "replace", "none"])
@pytest.mark.parametrize("probability", [0.25, 1.0])
def test_the_expected_inserted_share_is_about_what_an_epoch_holds(opened, strategy, probability):

    stream = Stream(opened, dataclasses.replace(RULES, strategy=strategy, probability=probability))
    for row, plan, wiki in zip(figures(stream), stream.plan.wikis, opened.wikis, strict=True):
        d = wiki.documents
        chosen = plan.chosen_links(0) & (strategy != "none")
        found = ((d.name_lengths.astype(int) + 2) * chosen).sum() / plan.lengths(0).sum()
        assert row.inserted_share == pytest.approx(found, abs=0.06 if probability < 1 else 1e-12)
        assert (row.articles, row.tokens, row.insertable) == (36, d.num_tokens.sum(), len(d.name_lengths))


def test_spaces_between_runs_are_kept(tokenizer):
    decoder = Decoder(tokenizer)
    assert (decoder([5, 6]) + decoder([7])).split() == ["w2", "w3", "w4"]
    assert decoder([7]).startswith(" ")


def test_the_command_shows_corpus_sequences_and_counts(run_settings, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    settings = run_settings(tmp_path / "run", preview={"sequences": 2, "first": 3}, stream={"sequence_length": 64})
    assert preview(PreviewSettings(**json.loads(json.dumps(settings)))) == 0
    text = capsys.readouterr().out
    assert re.search(r"stream [0-9a-f]{32}: batches of 8 sequences in 8 slots", text)
    assert re.search(r"eswiki .* 36 .*% of tokens", text)
    assert re.search(r"sequence 3: \w+, sequence \d+ of lane \d+, pages \d+", text)
    assert "counted in sequences 3 to 4" in text
    assert "<translate>" in text


def test_the_held_out_part_can_be_looked_at(run_settings, corpus, tmp_path, capsys):
    data = corpus.data | {"held_out": 0.3}
    settings = run_settings(tmp_path / "run", preview={"sequences": 1, "part": "held_out"}, data=data)
    assert preview(PreviewSettings(**settings)) == 0
    assert "30.00% of the articles held out" in capsys.readouterr().out


def test_figures_of_a_wiki_without_links_are_zeros(fresh_corpus, write_shards):
    row = {"page_id": 1, "num_tokens": 3, "input_ids": [3, 4, 5]}
    nothing = {name: [] for name in ("entity_start", "entity_end", "name_lengths", "name_ids")}
    write_shards(fresh_corpus, "kowiki", [row | nothing])
    stream = Stream(open_corpus(DataSettings(**fresh_corpus.data | {"wikis": ["kowiki"]})), RULES)
    assert figures(stream)[0][2:] == (1, 3, 0, 0, 0.0)
    assert np.array(stream.batch(0).input_ids).shape == (8, 64)
