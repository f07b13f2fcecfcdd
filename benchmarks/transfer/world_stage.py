"""The stages of the experiment, each in a folder named by a hash of what decides its result.

The hash covers the configuration, the experiment's own code and sentences, and the versions of what computes; not the code of
spark_jobs/, training/ and eval/. After a change there that changes numbers, begin with an empty folder.

world-HASH/     dumps, vocabulary, questions, and the corpus that spark_jobs.build makes of them: one for all arms and seeds
base-HASH/      seed-S: an untrained Llama, and the base that training makes of it
ARM-HASH/       seed-S: the adapted model and its answers
"""

import hashlib
import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.transfer import real_names
from benchmarks.transfer.experiment_settings import BASE, ExperimentSettings, PhaseSettings
from benchmarks.transfer.parallel_jobs import Job, JobFailedError
from benchmarks.transfer.questions import KINDS, questions, task
from benchmarks.transfer.vocabulary import save, train
from benchmarks.transfer.world import ENGLISH, World, make_world
from benchmarks.transfer.world_wikis import articles, english_text, foreign_text, write_wikis
from eval.config import EvalSettings
from spark_jobs.common.atomic_files import write_text_atomically
from training.config import (
    CheckpointSettings,
    DataSettings,
    GuardSettings,
    InsertionSettings,
    LogSettings,
    ModelSettings,
    TrainSettings,
)
from training.loop.metrics_log import METRICS
from training.tiny import TinyModelSettings

HERE = Path(__file__).parent
TOKENIZER = "world"
DEEPSPEED = Path("conf/deepspeed/zero0.json")
COMPUTES = ("torch", "deepspeed", "transformers", "tokenizers")
"""Packages whose versions decide a model's weights."""
NO_SPIKES = GuardSettings(min_history=10**9)
"""Gradients of a model that begins from nothing rise tenfold within its first steps, and no arm may be fed less than another."""


def digest(*parts: Any) -> str:
    """Eight hexadecimal digits for anything that JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()[:8]


def sha256(path: Path) -> str:
    """Of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class Layout:
    """Where everything lies."""

    settings: ExperimentSettings

    @cached_property
    def world(self) -> Path:
        """Folder of the world; its hash covers the code and the sentences that make it."""
        sources = [
            "world.py",
            "world_wikis.py",
            "real_names.py",
            "vocabulary.py",
            "dump_writer.py",
            "questions.py",
            "languages/en.yaml",
        ]
        sources.append(f"languages/{self.settings.language}.yaml")
        written = {name: sha256(HERE / name) for name in sources}
        parts = self.settings.model_dump(mode="json", include={"language", "names", "world", "first", "target", "vocabulary"})
        return self.settings.output_dir / f"world-{digest(parts, written)}"

    @property
    def corpus(self) -> Path:
        """What the data engine made."""
        return self.world / "corpus"

    @property
    def _base_key(self) -> list[Any]:
        parts = self.settings.model_dump(mode="json", include={"model", "stream", "base", "device"})
        versions = {name: importlib.metadata.version(name) for name in COMPUTES}
        return [self.world.name, parts, NO_SPIKES.model_dump(mode="json"), sha256(DEEPSPEED), versions]

    def folder(self, arm: str, seed: int) -> Path:
        """Folder of a model; `arm` may be `base`."""
        key = self._base_key
        if arm != BASE:
            key = [*key, self.settings.adapt.model_dump(mode="json"), self.settings.arms[arm].model_dump(mode="json")]
        return self.settings.output_dir / f"{arm}-{digest(*key)}" / f"seed-{seed}"

    def answers(self, arm: str, seed: int) -> Path:
        """Folder of a model's evaluation."""
        return self.folder(arm, seed) / "eval"

    @property
    def tasks(self) -> list[str]:
        """What every model is asked."""
        return [task(kind, self.settings.language) for kind in KINDS]


def world_of(settings: ExperimentSettings) -> World:
    """The world: names are read, facts drawn."""
    answers = real_names.answers(settings.language, settings.world.answers)
    taken = [word for words in answers.values() for told in words.values() for word in told]
    where = settings.names
    cities = real_names.city_names(settings.language, settings.world.cities, where.min_population, where.locale_dir, taken)
    popular = round(settings.first.popular * settings.world.cities)
    return make_world(settings.language, cities, answers, settings.world.seed, popular)


def build_world(layout: Layout, console: Console) -> None:
    """Dumps, vocabulary, questions; then the corpus. A finished one is kept."""
    settings, folder = layout.settings, layout.world
    if not (folder / "corpus.yaml").is_file():
        world = world_of(settings)
        english, other = articles(world, settings)
        texts = [english_text(world, said) for said in english[0]]
        texts += [foreign_text(world, said) for said in (*english[1], *other)]
        tokenizer = train(texts, settings.vocabulary)
        save(tokenizer, folder / "tokenizer")
        write_wikis(world, english, other, folder / "dumps")
        asked = questions(world, settings.world.candidates, settings.world.questions, settings.world.seed)
        for kind, items in asked.items():
            language = ENGLISH if task(kind, "").endswith(ENGLISH) else settings.language
            lines = "".join(f"{json.dumps(item, ensure_ascii=False)}\n" for item in items)
            write_text_atomically(folder / "questions" / "transfer" / f"{kind}_{language}.jsonl", lines)
        write_text_atomically(
            folder / "corpus.yaml", json.dumps(_corpus(layout), indent=1)
        )  # last: where it is, the rest is whole
        console.print(
            f"  {world.cities:,} cities, {sum(map(len, world.facts.values())):,} facts, {tokenizer.get_vocab_size():,} tokens; "
            f"{len(english[0]):,} articles in English, {len(other):,} in {settings.language!r}",
            highlight=False,
        )
    if (layout.corpus / "README.md").is_file():
        console.print(f"  kept: {layout.corpus}", highlight=False, soft_wrap=True)
        return
    log = folder / "build.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "spark_jobs.build", "--config", str(folder / "corpus.yaml")]
        code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise JobFailedError(f"spark_jobs.build ended with exit code {code}; {log} has all it said, and last:\n{end}")


def _corpus(layout: Layout) -> dict[str, Any]:
    """Configuration of spark_jobs.build."""
    return {
        "dumps_dir": str(layout.world / "dumps"),
        "wikis": [f"{ENGLISH}wiki", f"{layout.settings.language}wiki"],
        "output_dir": str(layout.corpus),
        "pivots": [ENGLISH],
        "encode": {"tokenizer": str(layout.world / "tokenizer"), "name": TOKENIZER, "rows_per_row_group": 64},
        "card": {"title": "A made-up world", "note": "Real names, facts drawn at random: for a controlled experiment only."},
        "spark": {"conf": {"spark.sql.shuffle.partitions": "4"}},
    }


def make_untrained(layout: Layout, seed: int) -> TinyModelSettings:
    """The settings of training.tiny for a seed."""
    tokenizer = layout.corpus / f"encoded/tokenizer={TOKENIZER}/_tokenizer"
    sizes = layout.settings.model.model_dump()
    positions = max(256, layout.settings.stream.sequence_length)
    folder = layout.folder(BASE, seed) / "untrained"
    return TinyModelSettings(tokenizer=tokenizer, output_dir=folder, seed=seed, max_position_embeddings=positions, **sizes)


def training(layout: Layout, arm: str, seed: int) -> TrainSettings:
    """The settings of training.train for the base (English, no names) or for an arm."""
    settings = layout.settings
    phase = settings.base if arm == BASE else settings.adapt
    shares = {f"{ENGLISH}wiki": 1.0 if arm == BASE else settings.adapt.replay}
    shares |= {} if arm == BASE else {f"{settings.language}wiki": 1 - settings.adapt.replay}
    weights = {wiki: share for wiki, share in shares.items() if share}
    model = layout.folder(BASE, seed) / ("untrained" if arm == BASE else "run/model")
    return TrainSettings(
        data=DataSettings(
            corpus=str(layout.corpus),
            tokenizer=TOKENIZER,
            wikis=tuple(weights),
            weights=weights,
            cache=settings.output_dir / "cache",
        ),
        insertion=InsertionSettings(strategy="none") if arm == BASE else settings.arms[arm],
        stream=settings.stream,
        model=ModelSettings(path=str(model), precision="fp32"),
        optimizer=phase.optimizer,
        seed=seed,
        steps=phase.steps,
        global_batch_size=phase.global_batch_size,
        micro_batch_size=phase.micro_batch_size or phase.global_batch_size,
        deepspeed=DEEPSPEED,
        output_dir=layout.folder(arm, seed) / "run",
        guard=NO_SPIKES,
        resume=True,
        checkpoint=CheckpointSettings(every=max(100, phase.steps // 4), keep=1),
        log=LogSettings(every=max(1, phase.steps // 20), tensorboard=False),
    )


def evaluation(layout: Layout, arm: str, seed: int) -> EvalSettings:
    """The settings of eval.run for a model."""
    return EvalSettings(
        model=layout.folder(arm, seed) / "run" / "model",
        tasks=layout.tasks,
        num_fewshot=0,
        data_dir=layout.world / "questions",
        output_dir=layout.answers(arm, seed),
        batch_size=256,
        device=layout.settings.device,
        dtype="float32",
    )


def learn(both: tuple[TinyModelSettings | None, TrainSettings, EvalSettings]) -> int:
    """Make the untrained model where there is one to make, train, evaluate: a job of one process."""
    untrained, trained, asked = both
    if untrained is not None and not (untrained.output_dir / "tiny_model.yaml").is_file():
        from training.tiny import make

        make(untrained.model_copy(update={"overwrite": True}))
    from training.train import main as train_model

    if code := train_model(trained):
        return code
    from eval.run import main as evaluate

    evaluate(asked)
    write_text_atomically(asked.output_dir / "done", "")
    return 0


def jobs_of(layout: Layout, arms: Sequence[str]) -> Iterator[Job]:
    """A job for each seed and arm: all arms of the first seed first."""
    for seed in layout.settings.seeds:
        for arm in arms:
            phase = layout.settings.base if arm == BASE else layout.settings.adapt
            folder = layout.folder(arm, seed)
            untrained = make_untrained(layout, seed) if arm == BASE else None
            yield Job(
                name=f"{arm}, seed {seed}",
                run=learn,
                settings=(untrained, training(layout, arm, seed), evaluation(layout, arm, seed)),
                log=folder / "log.txt",
                finished=(layout.answers(arm, seed) / "done").is_file,
                size=tokens(phase, layout.settings.stream.sequence_length),
                done=Steps(folder / "run" / METRICS, phase.steps),
            )


def tokens(phase: PhaseSettings, sequence_length: int) -> int:
    """Tokens that a phase trains on."""
    return phase.steps * phase.global_batch_size * sequence_length


@dataclass(frozen=True)
class Steps:
    """The share of a run's steps that its metrics show."""

    path: Path
    steps: int

    def __call__(self) -> float:
        """0 to 1; less than 1 until the run has ended."""
        if not self.path.is_file():
            return 0.0
        return 0.95 * min(1.0, self.path.read_bytes().count(b"\n") / self.steps)
