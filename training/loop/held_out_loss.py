"""The loss on held-out articles of each wiki, as plain text without names: comparable between insertion strategies."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from training.config import TrainSettings
from training.data.encoded_corpus import Corpus, open_corpus
from training.engine.collectives import all_gather_arrays
from training.engine.launch_environment import Ranks
from training.loop.optimizer_step import summed_loss
from training.model.protocols import Engine
from training.stream.name_insertion import IGNORED
from training.stream.stream_rules import StreamRules
from training.stream.token_stream import Stream

if TYPE_CHECKING:
    import torch


class HeldOutLoss:
    """The loss on the first `evaluation.sequences` sequences of each wiki's held-out articles, without names."""

    def __init__(self, settings: TrainSettings, corpus: Corpus, rules: StreamRules) -> None:
        """
        Raises:
            ConfigurationError: when a wiki has no held-out article.
        """
        self._micro = settings.micro_batch_size
        plain = dataclasses.replace(
            rules, part="held_out", strategy="none", tags=None, weights=None, temperature=1.0, global_batch_size=1, slots=1
        )
        self._wikis: dict[str, tuple[Stream, int]] = {}
        for name in corpus.names:
            data = settings.data.model_copy(update={"wikis": (name,), "weights": None, "temperature": 1.0})
            stream = Stream(open_corpus(data), plain, settings.data.cache)
            whole = int(stream.plan.wikis[0].epoch(0).totals().sum()) // rules.sequence_length
            self._wikis[name] = stream, max(1, min(settings.evaluation.sequences, whole))  # a small wiki has fewer

    def losses(self, engine: Engine, ranks: Ranks, device: "torch.device") -> dict[str, float]:
        """Wiki -> mean loss over the predicted tokens of its sequences. Every rank calls it.

        The engine is in training mode afterwards.
        """
        import torch

        engine.eval()
        found = {}
        with torch.no_grad():
            for name, (stream, sequences) in self._wikis.items():
                total = all_gather_arrays(self._sums(engine, stream, sequences, ranks, device), device).sum(axis=0)
                found[name] = float(total[0] / max(total[1], 1.0))
        engine.train()
        return found

    def _sums(
        self, engine: Engine, stream: Stream, sequences: int, ranks: Ranks, device: "torch.device"
    ) -> npt.NDArray[np.float64]:
        """[2] loss and predicted tokens of this rank's share.

        Each rank makes the same number of micro-batches, because ZeRO-3 gathers parameters on all ranks at once.
        """
        import torch

        from training.architectures.document_mask import document_masking_arguments

        total = np.zeros(2)
        for first in range(0, sequences, self._micro * ranks.size):
            begin = first + ranks.rank * self._micro
            batch = stream.read(range(begin, begin + self._micro))
            batch.labels[np.arange(begin, begin + self._micro) >= sequences] = IGNORED
            ids, labels = (torch.from_numpy(part).to(device) for part in (batch.input_ids, batch.labels))
            positions = None if batch.positions is None else torch.from_numpy(batch.positions).to(device)
            masking = {} if positions is None else document_masking_arguments(positions, engine.module)
            predicted = int((batch.labels[:, 1:] != IGNORED).sum())
            total += (float(summed_loss(engine, ids, labels, **masking)), predicted)
        return total
