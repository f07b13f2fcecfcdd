"""`--dry-run`: the plan of a run, without its weights and without a GPU.

Needs the model's `config.json` (or a model whose shape is published, see `training.architectures.model_shapes`) and, for
everything that depends on the data, the encoded corpus. Under a launcher the plan is for its ranks and only rank 0 prints;
otherwise it is for `dry_run.ranks`.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import read_config
from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import MANIFEST
from training.architectures.accelerators import ACCELERATORS
from training.architectures.model_checks import check_configuration, check_parts
from training.architectures.model_shapes import config_file, find_shape
from training.config import TrainSettings
from training.data.corpus_errors import display_path
from training.data.encoded_corpus import open_corpus
from training.data.read_retries import read_with_retries
from training.data.tokenizer_identity import check_vocabulary
from training.engine.deepspeed_config import build_deepspeed_config, with_precision
from training.engine.launch_environment import read_ranks
from training.model.library_messages import silence_libraries
from training.planning.corpus_tokenizer import load_corpus_tokenizer
from training.planning.plan_report import plan_parts
from training.planning.run_plan import RunPlan, make_plan
from training.records.run_folder import RunFolder
from training.stream.stream_rules import StreamRules, make_stream_rules
from training.stream.stream_summary import describe_corpus, describe_stream
from training.stream.token_stream import Stream

CORPUS_CONFIGURATIONS = Path("conf/corpus")


def show_plan(settings: TrainSettings) -> int:
    """Print the plan, and write it to `dry_run.json_file` if that is set; returns the exit code.

    Raises:
        ConfigurationError: for a configuration that the run would refuse, and for an unknown model or GPU.
    """
    ranks = read_ranks()
    if not ranks.main:
        return 0
    silence_libraries()
    console = Console(highlight=False, markup=False)
    launched = ranks.size if "WORLD_SIZE" in os.environ else settings.dry_run.ranks
    deepspeed = build_deepspeed_config(settings, 1)
    missing = missing_wikis(settings)
    stream = None if missing else open_stream(settings)
    model = find_shape(settings.model.path, 0 if stream is None else rows_for_tags(stream.rules))
    plan = make_plan(settings, deepspeed, launched, model, stream)
    check_plan(settings, plan, deepspeed)

    if stream is not None:
        console.print(describe_corpus(stream.corpus), describe_stream(stream), sep="\n", soft_wrap=True)
    for part in plan_parts(settings, plan):
        console.print(part, soft_wrap=isinstance(part, str))
    if missing:
        console.print(how_to_build(settings, missing), style="yellow", soft_wrap=True)
    for note in notes(settings):
        console.print(f"note: {note}", style="yellow", soft_wrap=True)
    if settings.dry_run.json_file is not None:
        settings.dry_run.json_file.parent.mkdir(parents=True, exist_ok=True)
        settings.dry_run.json_file.write_text(json.dumps(plan.as_dict(), indent=2) + "\n", encoding="utf-8")
    return 0


def missing_wikis(settings: TrainSettings) -> list[str]:
    """The wikis of the configuration that the corpus does not hold in this tokenizer and with names of this pivot."""
    data, root = settings.data, Location.of(settings.data.corpus)
    manifests = {wiki: root / f"{data.wiki_folder(wiki)}/{MANIFEST}" for wiki in data.wikis}
    return [
        wiki
        for wiki, manifest in manifests.items()
        if not read_with_retries(manifest.exists, display_path(manifest), data.attempts)
    ]


def open_stream(settings: TrainSettings) -> Stream:
    """The stream that the run would train on; where the model has no local tokenizer, that of the corpus takes its place."""
    from training.model.model_loading import load_tokenizer
    from training.model.translation_tags import add_tags

    corpus = open_corpus(settings.data)
    if (Path(settings.model.path) / "tokenizer.json").is_file():
        tokenizer = load_tokenizer(settings.model.path)
        check_vocabulary(corpus.tokenizer, tokenizer.get_vocab(), settings.model.path)
    else:
        tokenizer = load_corpus_tokenizer(settings.data)
    tags = add_tags(tokenizer)[0] if settings.insertion.uses_tags else None
    return Stream(corpus, make_stream_rules(settings, tokenizer, tags), settings.data.cache)


def rows_for_tags(rules: StreamRules) -> int:
    """Rows that the embeddings need for the tags; 0 without tags."""
    return max(rules.tags) + 1 if rules.tags else 0


def check_plan(settings: TrainSettings, plan: RunPlan, deepspeed: Mapping[str, Any]) -> None:
    """Refuse a plan that the run would refuse, and an unknown GPU.

    Raises:
        ConfigurationError: with the remedy.
    """
    with_precision(dict(deepspeed), plan.precision == "bf16")
    context, length = plan.model.context, plan.sequence_length
    if context is not None and length > context:
        raise ConfigurationError(
            f"stream.sequence_length: {length} exceeds the {context} positions that {settings.model.path} has; "
            f"use at most {context}"
        )
    if plan.peak is None:
        known = ", ".join(entry.example for entry in ACCELERATORS if plan.precision != "bf16" or entry.bf16 is not None)
        raise ConfigurationError(
            f"dry_run.gpu: the peak of {plan.gpu!r} in {plan.precision} is unknown; give a name as "
            f"torch.cuda.get_device_name prints it, such as {known}"
        )


def how_to_build(settings: TrainSettings, missing: Sequence[str]) -> str:
    """How to build the missing wikis: the command, if a configuration of `conf/corpus` builds them."""
    data = settings.data
    wanted = f"{', '.join(missing)} in tokens of {data.tokenizer} with names in {data.pivot}"
    problem = f"the corpus is not there yet: {data.corpus} does not hold {wanted}, so epochs and links are not planned. "
    for path in sorted(CORPUS_CONFIGURATIONS.glob("*.yaml")):
        values = read_config(path)
        built = values.get("output_dir"), values.get("encode", {}).get("name"), set(missing) <= set(values.get("wikis", ()))
        if built == (data.corpus, data.tokenizer, True):
            return f"{problem}Build it: python -m spark_jobs.build --config {path} (or point data.corpus at where it is)"
    return (
        f"{problem}Build it with spark_jobs.build and a configuration as in {CORPUS_CONFIGURATIONS}, with wikis {list(missing)}, "
        f"encode.name {data.tokenizer} and output_dir {data.corpus}, or point data.corpus at where it is"
    )


def notes(settings: TrainSettings) -> Iterator[str]:
    """What would stop the run on this machine today, or delay its start; the plan does not depend on it."""
    checks = [RunFolder(settings).check]
    if config_file(settings.model.path) is not None:
        checks.append(lambda: check_configuration(settings.model, settings.stream.sequence_length))
    if any(Path(settings.model.path).glob("*.safetensors")):
        checks.append(lambda: check_parts(settings.model))
    for check in checks:
        try:
            check()
        except ConfigurationError as error:
            yield f"as things are, the run would not start: {error}"
    if config_file(settings.model.path) is None:
        yield f"the weights of {settings.model.path} are not on this machine; the run fetches them from the hub"
