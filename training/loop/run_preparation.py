"""From a configuration to a run that can make steps: checks, corpus and stream first, then the model, new or resumed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console

from spark_jobs.common.errors import ConfigurationError
from training.architectures.document_mask import check_document_masking
from training.config import TrainSettings, accumulation_steps
from training.data.encoded_corpus import Corpus, open_corpus
from training.data.tokenizer_identity import check_vocabulary, find_tokenizer_difference
from training.engine.checkpoints import Checkpoints, read_state
from training.engine.collectives import all_gather_objects
from training.engine.deepspeed_config import build_deepspeed_config, with_precision
from training.engine.deepspeed_engine import EngineSetup, build_engine, resume_engine
from training.engine.devices import select_device
from training.engine.interruption import Interruption
from training.engine.launch_environment import Ranks
from training.engine.resume import find_newest_intact
from training.engine.setting_changes import Change, join_changes, require_resumable
from training.loop.divergence import repeated_divergence_error
from training.loop.held_out_loss import HeldOutLoss
from training.loop.skip_guard import make_guard
from training.loop.training_steps import Position
from training.model.base_files import BaseFiles, read_base_files, require_equal_machines, require_same_files
from training.model.library_messages import silence_libraries
from training.model.protocols import Engine, Tokenizer
from training.model.weight_files import fetch_model_folder
from training.processes.run_owner import RunFolderHeldError, RunOwner
from training.records.run_folder import RunFolder
from training.records.wandb_reporting import check_wandb
from training.stream.stream_rules import StreamRules, make_stream_rules
from training.stream.stream_summary import describe_corpus, describe_stream
from training.stream.token_stream import Stream

if TYPE_CHECKING:
    from training.model.translation_tags import AddedRows


class PreparedRun(NamedTuple):
    """A run before ranks meet and weights are read."""

    setup: EngineSetup
    """For the engine: settings, DeepSpeed's configuration, tags, precision, ranks, device."""
    tokenizer: Tokenizer
    stream: Stream
    held_out: HeldOutLoss | None
    accumulation: int
    """Micro-batches of a step on each rank."""


class Start(NamedTuple):
    """Where a run begins its steps."""

    position: Position
    engine: Engine
    checkpoint: Path | None
    """The checkpoint that it resumes from; None for a new run."""
    changes: list[Change]
    """Settings that differ from those of the checkpoint, and do not change the result."""


def prepare_run(settings: TrainSettings, folder: RunFolder, ranks: Ranks, console: Console) -> PreparedRun:
    """Check everything that can be checked quickly, and open corpus and stream.

    Raises:
        ConfigurationError: for errors that would stop the run later.
    """
    folder.check()
    check_wandb(settings.log.wandb)
    accumulation = accumulation_steps(settings.global_batch_size, settings.micro_batch_size, ranks.size)
    config = build_deepspeed_config(settings, accumulation)
    corpus = open_corpus(settings.data)
    console.print(describe_corpus(corpus))
    silence_libraries()
    from training.architectures.model_checks import check_attention, check_configuration, check_parts

    # Sequence k is a function of corpus, rules and seed alone.
    tokenizer, rules, rows = prepare_tokenizer(settings, corpus, console)
    stream = Stream(corpus, rules, settings.data.cache)
    console.print(describe_stream(stream))
    check_configuration(settings.model, settings.stream.sequence_length)
    device = select_device(ranks)
    precision: str = settings.model.precision
    if precision == "auto":
        precision = "fp32" if device.type == "cpu" else "bf16"
    check_attention(settings.model.attention, precision, device.type)
    if settings.stream.mask_documents:
        check_document_masking(settings.model.path, settings.model.attention)
    config = with_precision(config, precision == "bf16")
    check_parts(settings.model)
    held_out = HeldOutLoss(settings, corpus, rules) if settings.evaluation.every and settings.data.held_out else None
    return PreparedRun(EngineSetup(settings, config, rows, precision, ranks, device), tokenizer, stream, held_out, accumulation)


def prepare_tokenizer(
    settings: TrainSettings, corpus: Corpus, console: Console
) -> "tuple[Tokenizer, StreamRules, AddedRows | None]":
    """The model's tokenizer, with the tags if they are used; the rules of the stream; the rows that the tags add to the model.

    Raises:
        ConfigurationError: when the tokenizer is not the one of the shards, or lacks a token that the rules need.
    """
    from training.model.model_loading import load_tokenizer
    from training.model.translation_tags import add_tags

    tokenizer = load_tokenizer(settings.model.path)
    check_vocabulary(corpus.tokenizer, tokenizer.get_vocab(), settings.model.path)
    difference = find_tokenizer_difference(settings.data, corpus.tokenizer, Path(settings.model.path))
    if difference:
        console.print(
            f"warning: the tokenizer.json of {settings.model.path} has the vocabulary of the corpus, but differs in "
            f"{difference}: the trained model's tokenizer may split text differently from the training data",
            style="yellow",
        )
    tags, rows = add_tags(tokenizer) if settings.insertion.uses_tags else (None, None)
    return tokenizer, make_stream_rules(settings, tokenizer, tags), rows


def gather_base_files(settings: TrainSettings, ranks: Ranks) -> BaseFiles:
    """The files of the base model, read by one rank of each machine. Every rank calls it.

    Raises:
        ConfigurationError: when two machines have different files.
    """
    own = read_base_files(fetch_model_folder(settings.model.path), settings.data.cache) if ranks.local_rank == 0 else None
    machines = [files for files in all_gather_objects(own) if files is not None]
    return require_equal_machines(machines, settings.model.path)


def own_run_folder(folder: RunFolder, ranks: Ranks, console: Console) -> RunOwner:
    """Own the folder of the run, on all ranks or on none. Every rank calls it.

    Raises:
        RunFolderHeldError: when another run owns the folder.
        ConfigurationError: when the folder cannot be written, or has been filled since it was checked.
    """
    owner = RunOwner(folder.path, ranks.rank, ranks.size)
    refusal: ConfigurationError | None = None
    if ranks.main:
        try:
            owner.acquire(console.print)
            folder.check()
        except ConfigurationError as error:
            refusal = error
    token, refused = all_gather_objects((owner.token, None if refusal is None else str(refusal)))[0]
    try:
        if refused is not None:
            raise refusal or RunFolderHeldError(refused)
        if not ranks.main:
            owner.join(token)
    except ConfigurationError:
        owner.release()
        raise
    return owner


def start_or_resume(
    prepared: PreparedRun,
    checkpoints: Checkpoints,
    fixed_settings: dict[str, Any],
    base_files: BaseFiles,
    interruption: Interruption,
    console: Console,
) -> Start:
    """The engine of a new run, or with `resume` that of the newest sound checkpoint. Every rank calls it.

    Args:
        prepared: of `prepare_run`.
        checkpoints: of the run.
        fixed_settings: all settings of this run; those of the checkpoint may differ only where the result is the same.
        base_files: of the base model; the checkpoint's run must have begun with the same.
        interruption: ends the conversion of a checkpoint for another number of ranks.
        console: for messages about checkpoints.

    Raises:
        ConfigurationError: when the checkpoint is of another run or another stream, or of other settings without `elastic`.
        TrainingDivergedError: when the guard has stopped the run at the checkpoint, and would stop it again.
        InterruptedByRequestError: when the run is asked to stop while a checkpoint is converted.
    """
    setup = prepared.setup
    settings, ranks = setup.settings, setup.ranks
    checkpoint = find_newest_intact(checkpoints, ranks, console) if settings.resume else None
    if checkpoint is None:
        return Start(Position(make_guard(settings.guard)), build_engine(setup), None, [])
    state = read_state(checkpoint)
    changes = require_resumable(state.settings, fixed_settings, settings.elastic, f"the checkpoint of step {state.step}")
    require_same_files(state.settings["base_files"], base_files, settings.model.path, state.step)
    if changes:
        console.print(f"changed since the checkpoint of step {state.step}: {join_changes(changes)}")
    step, rolling = prepared.stream.seek(state.stream)
    position = Position(make_guard(settings.guard, state.guard), step, rolling, state.skipped)
    if position.guard.must_stop:
        raise repeated_divergence_error(position.guard, checkpoint)
    engine = resume_engine(setup, checkpoint, state.ranks != ranks.size, interruption, console.print)
    return Start(position, engine, checkpoint, changes)
