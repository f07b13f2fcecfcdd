"""A preview of the training data: the corpus in tokens, then decoded sequences of the stream, then their counts.

Needs no model and no GPU: the tokenizer is the one beside the shards.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from pydantic import Field
from rich.console import Console, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text as StyledText

from spark_jobs.common.settings import Settings
from training.config import TrainSettings
from training.data.encoded_corpus import Corpus, open_corpus
from training.model.library_messages import silence_libraries
from training.model.protocols import Tokenizer
from training.planning.corpus_figures import compute_corpus_figures, figures_table
from training.planning.corpus_tokenizer import load_corpus_tokenizer
from training.stream.name_insertion import IGNORED, NAME, TAG
from training.stream.stream_rules import Part, make_stream_rules
from training.stream.stream_summary import describe_stream
from training.stream.token_stream import COUNTERS, Stream

STYLES = {NAME: "bold green", TAG: "cyan"}
_SHOWN_PAGES = 8


class PreviewOptions(Settings):
    """What to show."""

    sequences: int = Field(default=3, ge=0)
    """Number of sequences."""
    first: int = Field(default=0, ge=0)
    """Place of the first sequence in the stream."""
    part: Part = "train"
    """train, or held_out: the articles that never enter the stream."""


class PreviewSettings(TrainSettings):
    """A training run, and what to show of its data."""

    preview: PreviewOptions = PreviewOptions()
    """What to show."""


class RunDecoder:
    """Decodes a sequence in runs of tokens, and keeps the spaces between the runs."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        # Decoders drop the space at the beginning of a text, so each run is decoded behind another token.
        self._before = tokenizer.encode("a", add_special_tokens=False)[-1:]
        self._length = len(tokenizer.decode(self._before))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of a run of tokens. A character that is cut at an end of the run becomes �."""
        text = self._tokenizer.decode([*self._before, *ids], clean_up_tokenization_spaces=False)
        return text[self._length :]


def styled_sequence(stream: Stream, k: int, decoder: RunDecoder) -> tuple[StyledText, list[int]]:
    """Sequence k as styled text, and the page ids in it. Tokens that the loss skips are dim."""
    shown, pages = StyledText(), []
    wiki = stream.corpus.wikis[int(stream.plan.places(range(k, k + 1))[0, 0])].documents
    targets = stream.read(range(k, k + 1)).labels[0]
    at = 0
    for text in stream.text(k):
        pages += wiki.page_id[text.documents].tolist()
        until = at + len(text.tokens)
        masked = targets[at:until] == IGNORED
        kinds = list(zip(text.kinds.tolist(), masked.tolist(), text.tokens.tolist(), strict=True))
        for (kind, dim), run in groupby(kinds, key=lambda token: token[:2]):
            style = f"{STYLES.get(kind, '')}{' dim' if dim else ''}".strip()
            shown.append(decoder.decode([token for _, _, token in run]), style)
        at = until
    return shown, list(dict.fromkeys(pages))


def count_table(stream: Stream, sequences: range) -> Table:
    """The counters of some sequences, a row for each wiki in them."""
    table = Table(title=f"counted in sequences {sequences.start} to {sequences.stop - 1}")
    for header in ("wiki", *COUNTERS):
        table.add_column(header.replace("_", " "), justify="left" if header == "wiki" else "right")
    counts = stream.read(sequences).counts
    for wiki, row in zip(stream.corpus.names, counts.tolist(), strict=True):
        if row[0]:
            table.add_row(wiki, *(f"{value:,}" for value in row))
    return table


def preview_parts(stream: Stream, corpus: Corpus, options: PreviewOptions, tokenizer: Tokenizer) -> Iterator[RenderableType]:
    """The parts of the preview, in the order of printing."""
    yield StyledText(describe_stream(stream))
    yield figures_table(compute_corpus_figures(stream))
    decoder = RunDecoder(tokenizer)
    sequences = range(options.first, options.first + options.sequences)
    for k in sequences:
        shown, pages = styled_sequence(stream, k, decoder)
        wiki, lane, index = stream.plan.places(range(k, k + 1))[0].tolist()
        listed = ", ".join(map(str, pages[:_SHOWN_PAGES])) + (" …" if len(pages) > _SHOWN_PAGES else "")
        yield Rule(f"sequence {k}: {corpus.names[wiki]}, sequence {index} of lane {lane}, pages {listed}", align="left")
        yield shown
    if sequences:
        yield count_table(stream, sequences)


def show_preview(settings: PreviewSettings) -> int:
    """Print the preview; returns the exit code."""
    silence_libraries()
    from training.model.translation_tags import add_tags

    corpus = open_corpus(settings.data)
    tokenizer = load_corpus_tokenizer(settings.data)
    tags = add_tags(tokenizer)[0] if settings.insertion.uses_tags else None
    rules = make_stream_rules(settings, tokenizer, tags, settings.preview.part)
    console = Console(highlight=False)
    for part in preview_parts(Stream(corpus, rules, settings.data.cache), corpus, settings.preview, tokenizer):
        console.print(part, soft_wrap=False)
    return 0
