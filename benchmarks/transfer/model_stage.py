"""The second stage: train the base models and adapt them in every arm, one job for each model, and evaluate each model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.transfer.experiment_folders import DEEPSPEED, NO_SPIKES, Layout
from benchmarks.transfer.experiment_settings import BASE, PhaseSettings
from benchmarks.transfer.parallel_jobs import Job
from benchmarks.transfer.world import ENGLISH
from benchmarks.transfer.world_stage import TOKENIZER
from eval.config import EvalSettings
from spark_jobs.common.atomic_files import write_text_atomically
from training.config import (
    CheckpointSettings,
    DataSettings,
    InsertionSettings,
    LogSettings,
    ModelSettings,
    TrainSettings,
)
from training.model.tiny_model import TinyModelSettings, make_tiny_model
from training.records.run_logs import METRICS


def untrained_model_settings(layout: Layout, seed: int) -> TinyModelSettings:
    """Returns the settings of training.tiny for a seed."""
    tokenizer = layout.corpus / f"encoded/tokenizer={TOKENIZER}/_tokenizer"
    sizes = layout.settings.model.model_dump()
    positions = max(256, layout.settings.stream.sequence_length)
    folder = layout.folder(BASE, seed) / "untrained"
    return TinyModelSettings(tokenizer=tokenizer, output_dir=folder, seed=seed, max_position_embeddings=positions, **sizes)


def training_settings(layout: Layout, arm: str, seed: int) -> TrainSettings:
    """Returns the settings of training.train for an arm, or for the base (English, no names)."""
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


def evaluation_settings(layout: Layout, arm: str, seed: int) -> EvalSettings:
    """Returns the settings of eval.run for a model."""
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


def train_and_evaluate(steps: tuple[TinyModelSettings | None, TrainSettings, EvalSettings]) -> int:
    """Makes the untrained model if needed, trains and evaluates, in this process. Returns the exit code of training.train."""
    untrained, trained, asked = steps
    if untrained is not None and not (untrained.output_dir / "tiny_model.yaml").is_file():
        make_tiny_model(untrained.model_copy(update={"overwrite": True}))
    from training.train import main as train_model

    if code := train_model(trained):
        return code
    from eval.scoring.evaluation_run import evaluate_model

    evaluate_model(asked)
    write_text_atomically(asked.output_dir / "done", "")
    return 0


def plan_jobs(layout: Layout, arms: Sequence[str]) -> Iterator[Job]:
    """Yields a job for each seed and arm, seed by seed."""
    for seed in layout.settings.seeds:
        for arm in arms:
            phase = layout.settings.base if arm == BASE else layout.settings.adapt
            folder = layout.folder(arm, seed)
            untrained = untrained_model_settings(layout, seed) if arm == BASE else None
            yield Job(
                name=f"{arm}, seed {seed}",
                run=train_and_evaluate,
                settings=(untrained, training_settings(layout, arm, seed), evaluation_settings(layout, arm, seed)),
                log=folder / "log.txt",
                finished=(layout.answers(arm, seed) / "done").is_file,
                size=count_tokens(phase, layout.settings.stream.sequence_length),
                progress=StepProgress(folder / "run" / METRICS, phase.steps),
            )


def count_tokens(phase: PhaseSettings, sequence_length: int) -> int:
    """Returns the number of tokens that a phase trains on."""
    return phase.steps * phase.global_batch_size * sequence_length


@dataclass(frozen=True)
class StepProgress:
    """Reads the progress of a training run from the file of its metrics, one line for each step."""

    path: Path
    steps: int

    def __call__(self) -> float:
        """Returns the share of the steps that are done, up to 0.95: the rest is evaluation."""
        if not self.path.is_file():
            return 0.0
        return 0.95 * min(1.0, self.path.read_bytes().count(b"\n") / self.steps)
