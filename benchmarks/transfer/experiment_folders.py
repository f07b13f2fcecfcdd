"""The folders of the experiment, each named by a hash of everything that decides its content.

The hash covers the configuration, the experiment's own code and sentences, and the versions of the packages that compute. It does
not cover the code of spark_jobs/, training/ and eval/. After a change there that changes figures, start with an empty folder.

world-HASH/     dumps, vocabulary, questions, and the corpus that spark_jobs.build makes of them: shared by all arms and seeds
base-HASH/      seed-S: an untrained Llama, and the base model trained from it
ARM-HASH/       seed-S: the adapted model and its answers
"""

import hashlib
import importlib.metadata
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.transfer.experiment_settings import BASE, ExperimentSettings
from benchmarks.transfer.questions import KINDS, task_name
from benchmarks.transfer.world import ENGLISH
from training.config import GuardSettings

HERE = Path(__file__).parent
WORLD_MODULES = ("dump_writer", "questions", "real_names", "vocabulary", "world", "world_wikis")
"""Modules of this package whose code decides the content of the world."""
COMPUTES = ("torch", "deepspeed", "transformers", "tokenizers")
"""Packages whose versions decide a model's weights."""
DEEPSPEED = Path("conf/deepspeed/zero0.json")
NO_SPIKES = GuardSettings(min_history=10**9)
"""A guard that skips no step: gradients of an untrained model rise tenfold in the first steps, and all arms need equal data."""


def digest_parts(*parts: Any) -> str:
    """Returns eight hexadecimal digits for values that JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()[:8]


def hash_file(path: Path) -> str:
    """Returns the SHA-256 of a file's content, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class Layout:
    """The paths of an experiment."""

    settings: ExperimentSettings

    @cached_property
    def world(self) -> Path:
        """Folder of the world. Its hash covers the code and the sentences that make it."""
        sources = [f"{name}.py" for name in WORLD_MODULES]
        sources += [f"languages/{code}.yaml" for code in (ENGLISH, self.settings.language)]
        hashes = {name: hash_file(HERE / name) for name in sources}
        parts = self.settings.model_dump(mode="json", include={"language", "names", "world", "first", "target", "vocabulary"})
        return self.settings.output_dir / f"world-{digest_parts(parts, hashes)}"

    @property
    def corpus(self) -> Path:
        """Folder of the corpus that the data engine builds."""
        return self.world / "corpus"

    @property
    def _base_key(self) -> list[Any]:
        parts = self.settings.model_dump(mode="json", include={"model", "stream", "base", "device"})
        versions = {name: importlib.metadata.version(name) for name in COMPUTES}
        return [self.world.name, parts, NO_SPIKES.model_dump(mode="json"), hash_file(DEEPSPEED), versions]

    def folder(self, arm: str, seed: int) -> Path:
        """Returns the folder of a model; `arm` can be `base`."""
        key = self._base_key
        if arm != BASE:
            key = [*key, self.settings.adapt.model_dump(mode="json"), self.settings.arms[arm].model_dump(mode="json")]
        return self.settings.output_dir / f"{arm}-{digest_parts(*key)}" / f"seed-{seed}"

    def answers(self, arm: str, seed: int) -> Path:
        """Returns the folder of a model's evaluation."""
        return self.folder(arm, seed) / "eval"

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks that every model is evaluated on."""
        return [task_name(kind, self.settings.language) for kind in KINDS]
