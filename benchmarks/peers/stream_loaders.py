"""The loaders that `stream.py` compares. As a script: measure one of them in this process, and print its figures as JSON.

    python benchmarks/peers/stream_loaders.py LOADER CORPUS SECONDS

Each loader yields batches of 16 (`OurLoaderLargeBatches`: 256) packed sequences of 2,048 tokens with names inserted after half
of the links, as int64 ids and labels. The original's algorithm is written from its description: one document at a time, a
shared random generator, from the last link to the first; its collator looks up tags three times in `tokenizer.vocab`, a
dictionary that a fast tokenizer builds again for each access.

A loader has three methods: `batches()`; `prefetched()`, the same batches from one worker; and `resume(...)`, the seconds to the
batch at 90 % of an epoch, from files and a saved state.
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
"""File of `stream.py` beside the corpus: the number of documents, and of tokens in an epoch."""

Batches = Iterator[tuple[Any, Any]]


def insert_names(row: dict[str, Any], draw: random.Random) -> list[int]:
    """Returns the ids of a document with names after links, in plain Python."""
    ids = [BOS, *row["input_ids"]]
    bounds = np.cumsum(row["name_lengths"]).tolist()
    for j in range(len(bounds) - 1, -1, -1):
        if draw.random() > PROBABILITY:
            continue
        name = row["name_ids"][bounds[j - 1] if j else 0 : bounds[j]]
        at = row["entity_end"][j] + 1
        ids[at:at] = [OPEN, *name, CLOSE]
    return ids


def pack_documents(documents: Iterable[dict[str, Any]]) -> Iterator[list[int]]:
    """Concatenates documents and cuts them into sequences."""
    draw, rest = random.Random(SEED), []
    for row in documents:
        rest += insert_names(row, draw)
        while len(rest) >= LENGTH:
            yield rest[:LENGTH]
            rest = rest[LENGTH:]


def batch_sequences(sequences: Iterable[list[int]]) -> Batches:
    """Yields batches of sequences, with tags masked in the labels."""
    held = []
    for sequence in sequences:
        held.append(sequence)
        if len(held) == BATCH:
            ids = np.array(held)
            held = []
            yield ids, np.where((ids == OPEN) | (ids == CLOSE), -100, ids)


def time_action(action: Callable[[], Any]) -> float:
    """Returns the seconds that `action` takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def batches_from_worker(batches: Callable[[], Batches]) -> Batches:
    """Yields batches from a worker process of torch's DataLoader, which prefetches two."""
    import torch.utils.data

    class InWorker(torch.utils.data.IterableDataset):  # type: ignore[type-arg]
        def __iter__(self) -> Batches:
            return batches()

    return iter(torch.utils.data.DataLoader(InWorker(), batch_size=None, num_workers=1, prefetch_factor=2))


def list_shards(corpus: Path) -> list[str]:
    """Returns the paths of the corpus's shards."""
    return sorted(str(path) for path in corpus.glob("encoded/*/*/*/*.parquet"))


def arrays_to_lists(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row with lists instead of NumPy arrays."""
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in row.items()}


class OurLoader:
    """This project's stream."""

    batch = BATCH

    def __init__(self, corpus: Path) -> None:
        from training.config import DataSettings
        from training.data.encoded_corpus import open_corpus
        from training.stream.stream_rules import StreamRules
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
        """Yields batches without end."""
        return ((batch.input_ids, batch.labels) for batch in self.stream.batches(start, workers=workers))

    def prefetched(self) -> Batches:
        """Yields batches from a thread."""
        return self.batches(workers=1)

    @classmethod
    def resume(cls, corpus: Path, about: dict[str, int], rate: float) -> float:  # noqa: ARG003
        """Returns the seconds to open the files and seek to the batch at 90 % of an epoch."""
        return time_action(lambda: next(cls(corpus).batches(int(FRACTION * about["tokens"] / (cls.batch * LENGTH)))))


class OurLoaderLargeBatches(OurLoader):
    """The same with batches of 256 sequences, as one of the paper's eight ranks needs."""

    batch = 256


class OriginalLoader:
    """The data set and the collator of the original."""

    batch = BATCH
    vocab_each_time = True

    def __init__(self, corpus: Path) -> None:
        import datasets
        from transformers import AutoTokenizer

        datasets.disable_progress_bars()
        self.data = datasets.Dataset.from_parquet(list_shards(corpus), cache_dir=str(corpus / "datasets"))
        self.tokenizer = AutoTokenizer.from_pretrained(next(corpus.glob("encoded/*/_tokenizer")))
        self.tokenizer.add_tokens(["<translate>", "</translate>"], special_tokens=True)
        self._vocab = self.tokenizer.vocab

    def sequences(self) -> Iterator[list[int]]:
        """Yields sequences without end; every epoch is shuffled."""

        def documents() -> Iterator[dict[str, Any]]:
            epoch = 0
            while True:
                order = list(range(len(self.data)))
                random.Random(SEED + epoch).shuffle(order)
                for index in order:
                    yield self.data[index]
                epoch += 1

        return pack_documents(documents())

    def collate(self, sequence: list[int]) -> tuple[Any, Any]:
        """Returns ids and labels of one sequence, a micro-batch of the original."""
        import torch

        vocabs = [self.tokenizer.vocab if self.vocab_each_time else self._vocab for _ in range(3)]
        ids = torch.tensor([sequence])
        labels = ids.clone()
        labels[labels == EOS] = -100
        labels[labels == vocabs[0]["<translate>"]] = -100
        labels[labels == vocabs[1]["</translate>"]] = -100
        return ids, labels

    def prefetched(self) -> Batches:
        """Yields batches from a worker process."""
        return batches_from_worker(self.batches)

    def batches(self) -> Batches:
        """Yields batches without end."""
        import torch

        held = []
        for one in map(self.collate, self.sequences()):
            held.append(one)
            if len(held) == BATCH:
                yield tuple(torch.cat(column).numpy() for column in zip(*held, strict=True))  # type: ignore[misc]
                held = []

    @classmethod
    def resume(cls, corpus: Path, about: dict[str, int], rate: float) -> float:  # noqa: ARG003
        """Returns the seconds to make and discard all batches before, as the trainer does. They are computed from the rate."""
        return FRACTION * about["tokens"] / rate


class OriginalLoaderWithVocab(OriginalLoader):
    """The same, but the dictionary `vocab` is built only once."""

    vocab_each_time = False


class DatasetsLoader:
    """Hugging Face datasets, streaming from Parquet, with the insertion and packing above."""

    batch = BATCH
    shuffled = False

    def __init__(self, corpus: Path) -> None:
        import datasets

        datasets.disable_progress_bars()
        self.data = datasets.load_dataset("parquet", data_files=list_shards(corpus), split="train", streaming=True)
        if self.shuffled:
            # Loading a state loses the documents in the buffer, so a small corpus needs a smaller buffer to have documents left.
            documents = json.loads((corpus / ABOUT).read_text())["documents"]
            self.data = self.data.shuffle(seed=SEED, buffer_size=min(1000, documents // 16))

    def prefetched(self) -> Batches:
        """Yields batches from a worker process."""
        return batches_from_worker(self.batches)

    def batches(self) -> Batches:
        """Yields batches without end."""

        def documents() -> Iterator[dict[str, Any]]:
            while True:
                yield from self.data

        return batch_sequences(pack_documents(documents()))

    @classmethod
    def resume(cls, corpus: Path, about: dict[str, int], rate: float) -> float:  # noqa: ARG003
        """Returns the seconds to resume from the library's state of rows; the buffers of shuffling and packing are lost."""
        before = cls(corpus)
        rows = iter(before.data)
        for _ in range(int(FRACTION * about["documents"])):
            next(rows)
        state = before.data.state_dict()

        def load_and_read() -> None:
            loader = cls(corpus)
            loader.data.load_state_dict(state)
            next(loader.batches())

        return time_action(load_and_read)


class ShuffledDatasetsLoader(DatasetsLoader):
    """The same with a shuffle buffer of 1,000 documents, or of a sixteenth of a small corpus."""

    shuffled = True


class MosaicLoader:
    """mosaicml-streaming, reading MDS files, with the insertion and packing above."""

    batch = BATCH

    def __init__(self, corpus: Path) -> None:
        from streaming import StreamingDataset
        from streaming.base.util import clean_stale_shared_memory

        clean_stale_shared_memory()
        self.data = StreamingDataset(local=str(corpus / "mds"), shuffle=True, shuffle_seed=SEED, batch_size=1)

    @staticmethod
    def convert(corpus: Path) -> None:
        """Writes the corpus as MDS files, the format of the library."""
        import pyarrow.parquet as pq
        from streaming import MDSWriter

        names = ("input_ids", "entity_end", "name_lengths", "name_ids")
        kinds = ("ndarray:uint16", "ndarray:int32", "ndarray:int32", "ndarray:uint16")
        with MDSWriter(out=str(corpus / "mds"), columns=dict(zip(names, kinds, strict=True)), compression="zstd") as writer:
            for shard in list_shards(corpus):
                for batch in pq.ParquetFile(shard).iter_batches(1024, columns=list(names)):
                    columns = [batch.column(name) for name in names]
                    for row in range(batch.num_rows):
                        values = (column[row].values.to_numpy() for column in columns)
                        # MDS does not support empty arrays: a document without links gets a link that is never drawn.
                        writer.write({n: v if len(v) else np.zeros(1, v.dtype) for n, v in zip(names, values, strict=True)})

    def prefetched(self) -> Batches:
        """Yields batches from a worker process."""
        return batches_from_worker(self.batches)

    def batches(self) -> Batches:
        """Yields batches without end."""

        def documents() -> Iterator[dict[str, Any]]:
            while True:
                for row in self.data:
                    yield arrays_to_lists(row)

        return batch_sequences(pack_documents(documents()))

    @classmethod
    def resume(cls, corpus: Path, about: dict[str, int], rate: float) -> float:  # noqa: ARG003
        """Returns the seconds to resume from the library's state of rows; the packing buffer is lost."""

        def load_and_read() -> None:
            loader = cls(corpus)
            loader.data.load_state_dict(loader.data.state_dict(int(FRACTION * about["documents"]), from_beginning=True))
            next(loader.batches())

        return time_action(load_and_read)


LOADERS: dict[str, Any] = {
    "ours": OurLoader,
    "ours, large": OurLoaderLargeBatches,
    "original": OriginalLoader,
    "original, vocab kept": OriginalLoaderWithVocab,
    "datasets": DatasetsLoader,
    "datasets, shuffled": ShuffledDatasetsLoader,
    "streaming": MosaicLoader,
}


def wait_share(batches: Batches, tokens: int, rate: int, window: float) -> float:
    """Returns the share of time that a consumer waits which processes batches of `tokens` tokens at `rate` tokens a second."""
    next(batches)
    began, waited = time.perf_counter(), 0.0
    while time.perf_counter() - began < window:
        requested = time.perf_counter()
        next(batches)
        waited += time.perf_counter() - requested
        time.sleep(tokens / rate)
    return waited / (time.perf_counter() - began)


def measure_loader(name: str, corpus: Path, window: float) -> dict[str, float]:
    """Returns all figures of a loader. The rate is by CPU time of this process, the others by wall-clock time."""
    about, make = json.loads((corpus / ABOUT).read_text()), LOADERS[name]
    pa.set_cpu_count(1)
    next(make(corpus).batches())  # imports, and files that are made once from the corpus
    first = time_action(lambda: next(make(corpus).batches()))
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
        source = make(corpus).prefetched()
        figures[f"wait_{consumer}"] = wait_share(source, make.batch * LENGTH, consumer, window)
        del source
    return figures


if __name__ == "__main__":
    loader_name, folder, seconds_of_window = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    if loader_name == "convert":
        MosaicLoader.convert(folder)
    else:
        print(json.dumps(measure_loader(loader_name, folder, seconds_of_window)))
