"""`python -m training.preview --config conf/train/tiny.yaml`: what a model would be trained on, as a person reads it.

First the corpus in tokens, a line for each wiki; then sequences of the stream, decoded: names and tags in colour, dim what the
loss skips; then what was counted in them. Needs no model and no GPU: the tokenizer is the one that lies beside the shards.
"""

import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field
from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text as Shown

from spark_jobs.common.command_line import command
from spark_jobs.common.settings import Settings
from spark_jobs.common.storage import Location
from spark_jobs.contract.table_schemas import TOKENIZER_FOLDER
from training.config import DataSettings, TrainSettings
from training.data.encoded_corpus import Corpus, open_corpus
from training.data.read_retries import read_with_retries
from training.stream.name_insertion import IGNORED, NAME, TAG
from training.stream.stream_rules import Part, make_stream_rules
from training.stream.stream_summary import describe_stream
from training.stream.token_stream import COUNTERS, Stream

STYLES = {NAME: "bold green", TAG: "cyan"}


class PreviewOptions(Settings):
    """What to show."""

    sequences: int = Field(default=3, ge=0)
    """Number of sequences."""
    first: int = Field(default=0, ge=0)
    """The first one's place in the stream."""
    part: Part = "train"
    """train, or held_out: the articles that never enter the stream."""


class PreviewSettings(TrainSettings):
    """A training run, and what to show of its data."""

    preview: PreviewOptions = PreviewOptions()
    """What to show."""


class WikiPreview(NamedTuple):
    """A wiki of a corpus in tokens."""

    wiki: str
    share: float
    """Of the sequences."""
    articles: int
    tokens: int
    """Of the text alone."""
    links: int
    """That have a name in the pivot language."""
    insertable: int
    """Those of them that have tokens of their own, and a name that has tokens."""
    inserted_share: float
    """Tokens of names and tags among all tokens of the stream, as it is expected."""


def figures(stream: Stream) -> list[WikiPreview]:
    """What the corpus holds, all articles counted, and what insertion is expected to make of it.

    With p the probability, n the tokens of all names and tags, r those of replaced text and t all tokens before insertion (BOS
    and EOS included), the inserted share is p n / (t + p (n - r)).
    """
    rules = stream.rules
    p = 0.0 if rules.strategy == "none" else rules.probability
    rows = []
    for wiki, share in zip(stream.corpus.wikis, stream.plan.shares, strict=True):
        d = wiki.documents
        tokens, insertable = int(d.num_tokens.sum(dtype=np.int64)), len(d.name_lengths)
        added = int(d.name_lengths.sum(dtype=np.int64)) + rules.num_tags * insertable
        replaced = int(d.span_lengths.sum(dtype=np.int64)) if rules.strategy == "replace" else 0
        expected = tokens + rules.frame * len(d.page_id) + p * (added - replaced)
        lost = sum(wiki.counters.get(name, 0) for name in ("entities_without_token", "names_without_token"))
        share_of_names = p * added / expected if expected else 0.0
        rows.append(WikiPreview(d.wiki, float(share), len(d.page_id), tokens, insertable + lost, insertable, share_of_names))
    return rows


def corpus_table(rows: list[WikiPreview]) -> Table:
    """The figures as a table."""
    table = Table(title="the corpus in tokens")
    headers = ("wiki", "of the sequences", "articles", "tokens", "links with a name", "insertable", "expected inserted share")
    for header in headers:
        table.add_column(header, justify="left" if header == "wiki" else "right")
    for row in rows:
        insertable = f"{row.insertable:,} ({row.insertable / row.links:.1%})" if row.links else "0"
        table.add_row(
            row.wiki,
            f"{row.share:.2%}",
            f"{row.articles:,}",
            f"{row.tokens:,}",
            f"{row.links:,}",
            insertable,
            f"{row.inserted_share:.2%} of tokens",
        )
    return table


class Decoder:
    """Tokens to text, run by run, with the spaces between runs."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        # Decoders drop the space at the beginning of a text, so there is something before each run.
        self._before = tokenizer.encode("a", add_special_tokens=False)[-1:]
        self._length = len(tokenizer.decode(self._before))

    def __call__(self, ids: list[int]) -> str:
        """The text of a run of tokens. What a run cuts in the middle of a character shows as �."""
        text: str = self._tokenizer.decode([*self._before, *ids], clean_up_tokenization_spaces=False)
        return text[self._length :]


def shown_sequence(stream: Stream, k: int, decoder: Decoder) -> tuple[Shown, list[int]]:
    """Sequence k in colours, and the pages that it holds."""
    shown, pages = Shown(), []
    wiki = stream.corpus.wikis[int(stream.plan.places(range(k, k + 1))[0, 0])].documents
    targets = stream.read(range(k, k + 1)).labels[0]
    at = 0
    for text in stream.text(k):
        pages += wiki.page_id[text.documents].tolist()
        until = at + len(text.tokens)
        masked = targets[at:until] == IGNORED
        kinds = list(zip(text.kinds.tolist(), masked.tolist(), text.tokens.tolist(), strict=True))
        for (kind, dim), run in groupby(kinds, key=lambda token: token[:2]):
            shown.append(decoder([token for _, _, token in run]), f"{STYLES.get(kind, '')}{' dim' if dim else ''}".strip())
        at = until
    return shown, list(dict.fromkeys(pages))


def count_table(stream: Stream, sequences: range) -> Table:
    """What was counted in some sequences, a line for each wiki that they are of."""
    table = Table(title=f"counted in sequences {sequences.start} to {sequences.stop - 1}")
    for header in ("wiki", *COUNTERS):
        table.add_column(header.replace("_", " "), justify="left" if header == "wiki" else "right")
    counts = stream.read(sequences).counts
    for wiki, row in zip(stream.corpus.names, counts.tolist(), strict=True):
        if row[0]:
            table.add_row(wiki, *(f"{value:,}" for value in row))
    return table


def load_corpus_tokenizer(settings: DataSettings) -> Any:
    """The tokenizer that lies beside the shards, from wherever they are."""
    from transformers import AutoTokenizer

    folder = Location.of(settings.corpus) / f"{settings.tokenizer_folder}/{TOKENIZER_FOLDER}"
    with tempfile.TemporaryDirectory() as local:
        for name in read_with_retries(folder.files, folder.uri, settings.attempts):
            (Path(local) / name).write_bytes(
                read_with_retries((folder / name).read_bytes, (folder / name).uri, settings.attempts)
            )
        return AutoTokenizer.from_pretrained(local, trust_remote_code=False)


def lines(stream: Stream, corpus: Corpus, options: PreviewOptions, tokenizer: Any) -> Iterator[Any]:
    """Everything that is shown, one thing after the other."""
    yield Shown(describe_stream(stream))
    yield corpus_table(figures(stream))
    decoder = Decoder(tokenizer)
    sequences = range(options.first, options.first + options.sequences)
    for k in sequences:
        shown, pages = shown_sequence(stream, k, decoder)
        wiki, lane, index = stream.plan.places(range(k, k + 1))[0].tolist()
        listed = ", ".join(map(str, pages[:8])) + (" …" if len(pages) > 8 else "")
        yield Rule(f"sequence {k}: {corpus.names[wiki]}, sequence {index} of lane {lane}, pages {listed}", align="left")
        yield shown
    if sequences:
        yield count_table(stream, sequences)


def preview(settings: PreviewSettings) -> int:
    """Show the corpus and some sequences."""
    from training.model.library_messages import silence_libraries

    silence_libraries()
    from training.model.translation_tags import add_tags

    corpus = open_corpus(settings.data)
    tokenizer = load_corpus_tokenizer(settings.data)
    tags = add_tags(tokenizer)[0] if settings.insertion.uses_tags else None
    rules = make_stream_rules(settings, tokenizer, tags, settings.preview.part)
    console = Console(highlight=False)
    for part in lines(Stream(corpus, rules, settings.data.cache), corpus, settings.preview, tokenizer):
        console.print(part, soft_wrap=False)
    return 0


if __name__ == "__main__":
    command(PreviewSettings, preview, "Show what a model would be trained on: the corpus in tokens, and sequences in colours.")
