"""The preview of the training data."""

import json
import re

import pytest

from training.config import DataSettings
from training.data.encoded_corpus import open_corpus
from training.planning.corpus_tokenizer import load_corpus_tokenizer
from training.planning.stream_preview import PreviewSettings, RunDecoder, show_preview, styled_sequence
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


def test_names_and_tags_are_coloured_and_tokens_without_loss_are_dim(opened, tokenizer):
    stream = Stream(opened, RULES)
    shown, pages = styled_sequence(stream, 0, RunDecoder(tokenizer))
    assert tokenizer.encode(shown.plain.replace("<", " <").replace(">", "> "), add_special_tokens=False) == (
        stream.batch(0).input_ids[0].tolist()
    )
    styles = {shown.plain[span.start : span.end].strip(): str(span.style) for span in shown.spans if span.style}
    assert styles["<translate>"] == styles["</translate>"] == "cyan dim"
    assert {style for text, style in styles.items() if "translate" not in text} == {"bold green dim"}
    assert len(pages) == len(set(pages)) >= 1


def test_spaces_between_runs_are_kept(tokenizer):
    decoder = RunDecoder(tokenizer)
    assert (decoder.decode([5, 6]) + decoder.decode([7])).split() == ["w2", "w3", "w4"]
    assert decoder.decode([7]).startswith(" ")


def test_the_command_shows_corpus_sequences_and_counts(run_settings, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    settings = run_settings(tmp_path / "run", preview={"sequences": 2, "first": 3}, stream={"sequence_length": 64})
    assert show_preview(PreviewSettings(**json.loads(json.dumps(settings)))) == 0
    text = capsys.readouterr().out
    assert re.search(r"stream [0-9a-f]{32}: batches of 8 sequences in 8 slots", text)
    assert re.search(r"eswiki .* 36 .*% of tokens", text)
    assert re.search(r"sequence 3: \w+, sequence \d+ of lane \d+, pages \d+", text)
    assert "counted in sequences 3 to 4" in text
    assert "<translate>" in text


def test_the_held_out_part_can_be_shown(run_settings, corpus, tmp_path, capsys):
    data = corpus.data | {"held_out": 0.3}
    settings = run_settings(tmp_path / "run", preview={"sequences": 1, "part": "held_out"}, data=data)
    assert show_preview(PreviewSettings(**settings)) == 0
    assert "30.00% of the articles held out" in capsys.readouterr().out
