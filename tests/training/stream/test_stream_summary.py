"""Corpus and stream in lines of text."""

from types import SimpleNamespace

import pytest

from training.config import DataSettings
from training.data.encoded_corpus import open_corpus
from training.stream.stream_summary import describe_corpus, describe_stream


def test_the_corpus_has_a_line_for_each_wiki(corpus):
    opened = open_corpus(DataSettings(**corpus.data))
    lines = [f"corpus {opened.fingerprint}, tokenizer words (63 tokens)"]
    for wiki in ("eswiki", "jawiki"):
        rows = corpus.rows[wiki]
        tokens, links = sum(row["num_tokens"] for row in rows), sum(len(row["name_lengths"]) for row in rows)
        lines.append(f"  {wiki}: 36 articles, {tokens:,} tokens, {links:,} links with a name")
    assert describe_corpus(opened).splitlines() == lines


@pytest.mark.parametrize(
    ("lanes", "held_out", "end"),
    [
        (1, 0.0, "1 lane"),
        (4, 0.0, "4 lanes within 2.5% of each other"),
        (1, 0.001, "1 lane, 0.10% of the articles held out"),
    ],
)
def test_the_stream_has_a_line_for_each_wiki_with_its_share(lanes, held_out, end):
    wikis = [SimpleNamespace(documents=SimpleNamespace(wiki=name), lanes=lanes, imbalance=0.025) for name in ("eswiki", "jawiki")]
    stream = SimpleNamespace(
        fingerprint="f00d",
        rules=SimpleNamespace(global_batch_size=2048, slots=64, held_out=held_out),
        plan=SimpleNamespace(wikis=wikis, shares=[0.25, 0.75]),
    )
    assert describe_stream(stream).splitlines() == [
        "stream f00d: batches of 2048 sequences in 64 slots",
        f"  eswiki: 25.00% of the sequences, {end}",
        f"  jawiki: 75.00% of the sequences, {end}",
    ]
