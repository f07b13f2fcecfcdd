"""The loaders that `stream.py` compares, and what is measured of one of them, in a process of its own.

    python benchmarks/peers/stream_loaders.py LOADER CORPUS SECONDS

Each yields batches of 16 (`OursLarge`: 256) packed sequences of 2,048 tokens with names inserted after half of the links, as
int64 ids and labels. The original's algorithm is written from its description: a document at a time, a shared random generator,
from the last link to the first; its collator looks tags up three times in `tokenizer.vocab`, a dictionary that a fast tokenizer
builds anew each time.

A loader has `batches()`, the same `ahead()` of the consumer, and `resume(...)`: seconds from files and a state to the batch at
90 % of an epoch.
"""

import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

BATCH, LENGTH = 16, 2048
OPEN, CLOSE, BOS, EOS = 32_000, 32_001, 1, 2
SEED, PROBABILITY = 42, 0.5
FRACTION = 0.9
CONSUMERS = (37_000, 1_000_000)
ABOUT = "about.json"
"""What `stream.py` leaves beside the corpus: its documents, and the tokens of an epoch."""

Batches = Iterator[tuple[Any, Any]]


def inserted(row: dict[str, Any], draw: random.Random) -> list[int]:
    """A document with names after links, in plain Python."""
    ids = [BOS, *row["input_ids"]]
    bounds = np.cumsum(row["name_lengths"]).tolist()
    for j in range(len(bounds) - 1, -1, -1):
        if draw.random() > PROBABILITY:
            continue
        name = row["name_ids"][bounds[j - 1] if j else 0 : bounds[j]]
        at = row["entity_end"][j] + 1
        ids[at:at] = [OPEN, *name, CLOSE]
    return ids


def packed(documents: Iterable[dict[str, Any]]) -> Iterator[list[int]]:
    """Sequences of documents: concatenated and cut."""
    draw, rest = random.Random(SEED), []
    for row in documents:
        rest += inserted(row, draw)
        while len(rest) >= LENGTH:
            yield rest[:LENGTH]
            rest = rest[LENGTH:]


def batched(sequences: Iterable[list[int]]) -> Batches:
    """Batches of sequences, tags masked."""
    held = []
    for sequence in sequences:
        held.append(sequence)
        if len(held) == BATCH:
            ids = np.array(held)
            held = []
            yield ids, np.where((ids == OPEN) | (ids == CLOSE), -100, ids)


def seconds(action: Callable[[], Any]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def in_worker(batches: Callable[[], Batches]) -> Batches:
    """Batches from a process of their own, two ahead, as a loader worker of torch makes them."""
    import torch.utils.data

    class InWorker(torch.utils.data.IterableDataset):  # type: ignore[type-arg]
        def __iter__(self) -> Batches:
            return batches()

    return iter(torch.utils.data.DataLoader(InWorker(), batch_size=None, num_workers=1, prefetch_factor=2))


def shards_of(corpus: Path) -> list[str]:
    return sorted(str(path) for path in corpus.glob("encoded/*/*/*/*.parquet"))


def plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in row.items()}


class Ours:
    """This project's stream."""

    batch = BATCH

    def __init__(self, corpus: Path) -> None:
        from training.config import DataSettings
        from training.data.encoded_corpus import open_corpus
        from training.stream.stream_plan import StreamRules
        from training.stream.token_stream import Stream

        settings = DataSettings(corpus=str(corpus), tokenizer="mistral", wikis=("jawiki",), cache=corpus / "cache")
        rules = StreamRules(
            seed=SEED,
            sequence_length=LENGTH,
            global_batch_size=self.batch,
            slots=BATCH,
            shuffle_window=2,
            strategy="right",
            probability=PROBABILITY,
            tags=(OPEN, CLOSE),
            bos=BOS,
            eos=None,
            predict_names=True,
        )
        self.stream = Stream(open_corpus(settings), rules, settings.cache)

    def batches(self, start: int = 0, workers: int = 0) -> Batches:
        """Without end."""
        return ((batch.input_ids, batch.labels) for batch in self.stream.batches(start, workers=workers))

    def ahead(self) -> Batches:
        """Made in a thread."""
        return self.batches(workers=1)

    @classmethod
    def resume(cls, corpus: Path, about: dict[str, int], rate: float) -> float:  # noqa: ARG003
        """From nothing but files to the batch at 90 % of an epoch: a seek."""
        return seconds(lambda: next(cls(corpus).batches(int(FRACTION * about["tokens"] / (cls.batch * LENGTH)))))


class OursLarge(Ours):
    """The same in batches as large as a rank of the paper's eight takes: 256 sequences."""

    batch = 256


class Original:
    """The original's data set and collator."""

    batch = BATCH
    vocab_each_time = True

    def __init__(self, corpus: Path) -> None:
        import datasets
        from transformers import AutoTokenizer

        datasets.disable_progress_bars()
        self.data = datasets.Dataset.from_parquet(shards_of(corpus), cache_dir=str(corpus / "datasets"))
        self.tokenizer = AutoTokenizer.from_pretrained(next(corpus.glob("encoded/*/_tokenizer")))
        self.tokenizer.add_tokens(["<translate>", "</translate>"], special_tokens=True)
        self._vocab = self.tokenizer.vocab

    def sequences(self) -> Iterator[list[int]]:
        """Epoch after epoch, shuffled."""

        def documents() -> Iterator[dict[str, Any]]:
            epoch = 0
            while True:
                order = list(range(len(self.data)))
                random.Random(SEED + epoch).shuffle(order)
                for index in order:
                    yield self.data[index]
                epoch += 1

        return packed(documents())

    def collate(self, sequence: list[int]) -> tuple[Any, Any]:
        """Ids and labels of one sequence: a micro-batch of the original."""
        import torch

        vocabs = [self.tokenizer.vocab if self.vocab_each_time else self._vocab for _ in range(3)]
        ids = torch.tensor([sequence])
        labels = ids.clone()
        labels[labels == EOS] = -100
        labels[labels == vocabs[0]["<translate>"]] = -100
        labels[labels == vocabs[1]["</translate>"]] = -100
        return ids, labels

    def ahead(self) -> Batches:
        """Made in a process."""
        return in_worker(self.batches)

    def batches(self) -> Batches:
        """Without end."""
        import torch

        held = []
        for one in map(self.collate, self.sequences()):
            held.append(one)
            if len(held) == BATCH:
                yield tuple(torch.cat(column).numpy() for column in zip(*held, strict=True))  # type: ignore[misc]
                held = []

    @classmethod
    def resume(cls, corpus: Path, about: dict[str, int], rate: float) -> float:  # noqa: ARG003
        """The trainer makes everything before again and throws it away: computed from the rate, it would take too long."""
        return FRACTION * about["tokens"] / rate


class OriginalWithoutVocab(Original):
    """The same with the dictionary kept."""

    vocab_each_time = False


class HuggingFace:
    """datasets, streaming from Parquet, with the insertion and packing above."""

    batch = BATCH
    shuffled = False

    def __init__(self, corpus: Path) -> None:
        import datasets

        datasets.disable_progress_bars()
        self.data = datasets.load_dataset("parquet", data_files=shards_of(corpus), split="train", streaming=True)
        if self.shuffled:
            # What is in the buffer is lost when the state is loaded: a small corpus must have documents left behind it.
            documents = json.loads((corpus / ABOUT).read_text())["documents"]
            self.data = self.data.shuffle(seed=SEED, buffer_size=min(1000, documents // 16))

    def ahead(self) -> Batches:
        """Made in a process."""
        return in_worker(self.batches)

    def batches(self) -> Batches:
        """Without end."""

        def documents() -> Iterator[dict[str, Any]]:
            while True:
                yield from self.data

        return batched(packed(documents()))

    @classmethod
    def resume(cls, corpus: Path, about: dict[str, int], rate: float) -> float:  # noqa: ARG003
        """By the library's own state, which knows rows; what was in the buffers of shuffling and packing is lost."""
        before = cls(corpus)
        rows = iter(before.data)
        for _ in range(int(FRACTION * about["documents"])):
            next(rows)
        state = before.data.state_dict()

        def again() -> None:
            loader = cls(corpus)
            loader.data.load_state_dict(state)
            next(loader.batches())

        return seconds(again)


class HuggingFaceShuffled(HuggingFace):
    """The same with a shuffle buffer of 1,000 documents, or of a sixteenth of a small corpus."""

    shuffled = True


class Mosaic:
    """mosaicml-streaming from its own format, with the insertion and packing above."""

    batch = BATCH

    def __init__(self, corpus: Path) -> None:
        from streaming import StreamingDataset
        from streaming.base.util import clean_stale_shared_memory

        clean_stale_shared_memory()
        self.data = StreamingDataset(local=str(corpus / "mds"), shuffle=True, shuffle_seed=SEED, batch_size=1)

    @staticmethod
    def convert(corpus: Path) -> None:
        """Write the library's own format."""
        import pyarrow.parquet as pq
        from streaming import MDSWriter

        names = ("input_ids", "entity_end", "name_lengths", "name_ids")
        kinds = ("ndarray:uint16", "ndarray:int32", "ndarray:int32", "ndarray:uint16")
        with MDSWriter(out=str(corpus / "mds"), columns=dict(zip(names, kinds, strict=True)), compression="zstd") as writer:
            for shard in shards_of(corpus):
                for batch in pq.ParquetFile(shard).iter_batches(1024, columns=list(names)):
                    columns = [batch.column(name) for name in names]
                    for row in range(batch.num_rows):
                        values = (column[row].values.to_numpy() for column in columns)
                        # The format takes no empty arrays: a document without links gets a link that is never drawn.
                        writer.write({n: v if len(v) else np.zeros(1, v.dtype) for n, v in zip(names, values, strict=True)})

    def ahead(self) -> Batches:
        """Made in a process."""
        return in_worker(self.batches)

    def batches(self) -> Batches:
        """Without end."""

        def documents() -> Iterator[dict[str, Any]]:
            while True:
                for row in self.data:
                    yield plain(row)

        return batched(packed(documents()))

    @classmethod
    def resume(cls, corpus: Path, about: dict[str, int], rate: float) -> float:  # noqa: ARG003
        """By the library's own state, which knows rows; what was in the packing buffer is lost."""

        def again() -> None:
            loader = cls(corpus)
            loader.data.load_state_dict(loader.data.state_dict(int(FRACTION * about["documents"]), from_beginning=True))
            next(loader.batches())

        return seconds(again)


LOADERS: dict[str, Any] = {
    "ours": Ours,
    "ours, large": OursLarge,
    "original": Original,
    "original, vocab kept": OriginalWithoutVocab,
    "datasets": HuggingFace,
    "datasets, shuffled": HuggingFaceShuffled,
    "streaming": Mosaic,
}


def wait_share(batches: Batches, tokens: int, rate: int, window: float) -> float:
    """Share of its time that a consumer of `rate` tokens a second waits, which works on one batch of `tokens` at a time."""
    next(batches)
    began, waited = time.perf_counter(), 0.0
    while time.perf_counter() - began < window:
        asked = time.perf_counter()
        next(batches)
        waited += time.perf_counter() - asked
        time.sleep(tokens / rate)
    return waited / (time.perf_counter() - began)


def measure(name: str, corpus: Path, window: float) -> dict[str, float]:
    """All figures of one loader: the rate is by CPU time of this process, the rest by the clock."""
    about, make = json.loads((corpus / ABOUT).read_text()), LOADERS[name]
    pa.set_cpu_count(1)
    next(make(corpus).batches())  # imports, and what is made once from the corpus
    first = seconds(lambda: next(make(corpus).batches()))
    batches, count = make(corpus).batches(), 0
    next(batches)
    cpu, wall = time.process_time(), time.perf_counter()
    while time.perf_counter() - wall < window:
        next(batches)
        count += 1
    rate = count * make.batch * LENGTH / (time.process_time() - cpu)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    figures = {"rate": rate, "first": first, "peak": peak, "resume": make.resume(corpus, about, rate)}
    for consumer in CONSUMERS:
        source = make(corpus).ahead()
        figures[f"wait_{consumer}"] = wait_share(source, make.batch * LENGTH, consumer, window)
        del source
    return figures


if __name__ == "__main__":
    loader_name, folder, seconds_of_window = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    if loader_name == "convert":
        Mosaic.convert(folder)
    else:
        print(json.dumps(measure(loader_name, folder, seconds_of_window)))
