"""Summaries of a corpus and of its stream in lines of text, for the console."""

import numpy as np

from training.data.encoded_corpus import Corpus
from training.stream.token_stream import Stream


def describe_corpus(corpus: Corpus) -> str:
    """The corpus, with a line for each wiki."""
    lines = [f"corpus {corpus.fingerprint}, tokenizer {corpus.tokenizer.name} ({corpus.tokenizer.vocab_size:,} tokens)"]
    for wiki in corpus.wikis:
        d = wiki.documents
        lines.append(
            f"  {d.wiki}: {len(d.page_id):,} articles, {d.num_tokens.sum(dtype=np.int64):,} tokens, "
            f"{len(d.name_lengths):,} links with a name"
        )
    return "\n".join(lines)


def describe_stream(stream: Stream) -> str:
    """The stream, with a line for each wiki: its share of the sequences, its lanes, its held-out share."""
    rules = stream.rules
    lines = [f"stream {stream.fingerprint}: batches of {rules.global_batch_size} sequences in {rules.slots} slots"]
    for plan, share in zip(stream.plan.wikis, stream.plan.shares, strict=True):
        lanes = "1 lane" if plan.lanes == 1 else f"{plan.lanes} lanes within {plan.imbalance:.1%} of each other"
        held_out = "" if rules.held_out == 0 else f", {rules.held_out:.2%} of the articles held out"
        lines.append(f"  {plan.documents.wiki}: {share:.2%} of the sequences, {lanes}{held_out}")
    return "\n".join(lines)
