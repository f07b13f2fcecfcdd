"""A small encoded corpus by the contract: two wikis, several shards and row groups, and the real tokenizer that made it."""

import functools
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from tokenizers import Tokenizer, models, pre_tokenizers

from spark_jobs.contract.manifest import Manifest, Shard
from spark_jobs.contract.schema_version import SCHEMA_VERSION
from spark_jobs.contract.table_schemas import TOKENIZER_FOLDER, encoded
from spark_jobs.contract.vocabulary_hash import vocabulary_sha256

RANK_ENVIRONMENT = {"DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1", "TORCHDYNAMO_DISABLE": "1"}
"""Of a rank on a CPU. DeepSpeed imports torch's compiler, which takes seconds, unless it is off; training compiles no model."""

WORDS = 60
SHARDS, ROWS_IN_SHARD, ROWS_IN_GROUP = 3, 12, 5


@dataclass
class SmallCorpus:
    """A corpus that a fixture wrote: the folder, and the rows in canonical order as plain Python."""

    folder: Path
    tokenizer: Path
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def wiki(self, name: str) -> Path:
        return self.folder / "encoded" / "tokenizer=words" / "pivot=en" / f"wiki={name}"

    @property
    def data(self) -> dict[str, Any]:
        """The `data` section of a configuration that trains on it."""
        cache = str(self.folder / "cache")
        return {"corpus": str(self.folder), "tokenizer": "words", "pivot": "en", "wikis": sorted(self.rows), "cache": cache}


def small_tokenizer(folder: Path, words: int = WORDS) -> None:
    """A word-level tokenizer with BOS 1 and EOS 2, as a folder that AutoTokenizer loads."""
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2} | {f"w{number}": number + 3 for number in range(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    content = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 4096, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(content))


def tokenizer_identity(folder: Path, name: str = "words") -> dict[str, Any]:
    content = (folder / "tokenizer.json").read_bytes()
    vocabulary = Tokenizer.from_str(content.decode()).get_vocab()
    return {
        "name": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "vocab_size": len(vocabulary),
        "vocabulary_sha256": vocabulary_sha256(vocabulary, len(vocabulary)),
        "id_type": "uint16",
    }


def article(rng: np.random.Generator, page_id: int) -> dict[str, Any]:
    """Words in a cycle with some noise, so that a model can learn them; every third article is very short."""
    length = int(rng.integers(1, 6)) if page_id % 3 == 0 else int(rng.integers(20, 80))
    steps = np.where(rng.random(length) < 0.9, 1, rng.integers(0, WORDS, length))
    ids = (int(rng.integers(WORDS)) + np.cumsum(steps)) % WORDS + 3
    starts, ends, at = [], [], int(rng.integers(0, 4))
    while at < length:
        end = min(at + int(rng.integers(1, 4)), length)
        starts.append(at)
        ends.append(end)
        at = end + int(rng.integers(0, 8))
    lengths = rng.integers(1, 5, len(starts))
    names = rng.integers(3, WORDS + 3, int(lengths.sum()))
    return {
        "page_id": page_id,
        "num_tokens": length,
        "input_ids": ids.tolist(),
        "entity_start": starts,
        "entity_end": ends,
        "name_lengths": lengths.tolist(),
        "name_ids": names.tolist(),
    }


def write_wiki(
    corpus: SmallCorpus,
    wiki: str,
    rows: list[dict[str, Any]],
    metadata: dict[str, str] | None = None,
    rows_in_group: int = ROWS_IN_GROUP,
) -> None:
    """Shards of a wiki and their manifest; `metadata` replaces key-value pairs of the files."""
    folder = corpus.wiki(wiki)
    folder.mkdir(parents=True)
    schema = encoded("uint16").schema
    more = {
        "leia.tokenizer": json.dumps(tokenizer_identity(corpus.tokenizer)),
        "leia.pivot": "en",
        "leia.span_mapping": "exact",
    }
    schema = schema.with_metadata({**schema.metadata, **{k.encode(): v.encode() for k, v in (more | (metadata or {})).items()}})
    shards = []
    for number in range(0, len(rows), ROWS_IN_SHARD):
        part = rows[number : number + ROWS_IN_SHARD]
        path = folder / f"part-{number // ROWS_IN_SHARD:05d}.parquet"
        pq.write_table(pa.Table.from_pylist(part, schema=schema), path, row_group_size=rows_in_group, compression="zstd")
        content = path.read_bytes()
        shards.append(Shard(path=path.name, rows=len(part), bytes=len(content), sha256=hashlib.sha256(content).hexdigest()))
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        table="encoded",
        partition={"tokenizer": "words", "pivot": "en", "wiki": wiki},
        rows=len(rows),
        bytes=sum(shard.bytes for shard in shards),
        row_hash=hashlib.md5(json.dumps(rows).encode()).hexdigest(),
        shards=shards,
        inputs=[],
        configuration={},
        code_version="0",
        counters={},
    )
    (folder / "_manifest.json").write_text(manifest.model_dump_json())
    corpus.rows[wiki] = rows


def make_corpus(folder: Path) -> SmallCorpus:
    tokenizer = folder / "encoded" / "tokenizer=words" / TOKENIZER_FOLDER
    small_tokenizer(tokenizer)
    corpus = SmallCorpus(folder, tokenizer)
    for number, wiki in enumerate(("eswiki", "jawiki")):
        rng = np.random.default_rng(number)
        # Both wikis have the same page ids: a page is identified by its wiki and its id.
        write_wiki(corpus, wiki, [article(rng, page_id) for page_id in range(1, SHARDS * ROWS_IN_SHARD + 1)])
    return corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> SmallCorpus:
    """Two wikis of 36 articles in 3 shards of 3 row groups. Do not change it: use `fresh_corpus` for that."""
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def wide_corpus(tmp_path_factory: pytest.TempPathFactory) -> SmallCorpus:
    """jawiki has 240 articles in 80 row groups, enough for several lanes; swwiki has 30 in 10, and kowiki 3 in 1."""
    folder = tmp_path_factory.mktemp("wide")
    tokenizer = folder / "encoded" / "tokenizer=words" / TOKENIZER_FOLDER
    small_tokenizer(tokenizer)
    corpus = SmallCorpus(folder, tokenizer)
    for number, (wiki, articles) in enumerate({"jawiki": 240, "kowiki": 3, "swwiki": 30}.items()):
        rng = np.random.default_rng(10 + number)
        write_wiki(corpus, wiki, [article(rng, 7 * page) for page in range(1, articles + 1)], rows_in_group=3)
    return corpus


@pytest.fixture
def fresh_corpus(tmp_path: Path) -> SmallCorpus:
    """The same corpus, to be damaged."""
    return make_corpus(tmp_path / "corpus")


@pytest.fixture
def write_shards() -> Callable[..., None]:
    """`write_shards(corpus, wiki, rows, metadata)` adds a wiki to a corpus."""
    return write_wiki


@pytest.fixture(scope="session")
def write_shards_to() -> Callable[..., SmallCorpus]:
    """`write_shards_to(folder, wiki, rows)` makes a corpus of one wiki."""

    def write(folder: Path, wiki: str, rows: list[dict[str, Any]]) -> SmallCorpus:
        tokenizer = folder / "encoded" / "tokenizer=words" / TOKENIZER_FOLDER
        small_tokenizer(tokenizer)
        corpus = SmallCorpus(folder, tokenizer)
        write_wiki(corpus, wiki, rows)
        return corpus

    return write


@pytest.fixture
def make_tokenizer() -> Callable[..., None]:
    """`make_tokenizer(folder, words)` writes another word-level tokenizer."""
    return small_tokenizer


@pytest.fixture(scope="session")
def base_model(corpus: SmallCorpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained Llama of 60 k parameters, made by the project's own command."""
    from training.model.tiny_model import TinyModelSettings, make_tiny_model

    folder = tmp_path_factory.mktemp("base") / "model"
    sizes = {"hidden_size": 48, "num_layers": 2, "num_heads": 2, "intermediate_size": 96, "max_position_embeddings": 128}
    make_tiny_model(TinyModelSettings(tokenizer=corpus.tokenizer, output_dir=folder, **sizes))
    return folder


@pytest.fixture(scope="session")
def run_settings(corpus: SmallCorpus, base_model: Path, repository: Path) -> Callable[..., dict[str, Any]]:
    """A configuration that trains `base_model` for a few steps; keyword arguments replace top-level keys.

    For stage 3 the thresholds of the shipped file are set to 0: by default ZeRO-3 never releases parameters as small as those of
    these models, so the tests would not cover its work with large ones.
    """

    def settings(output_dir: Path, stage: int = 2, **changes: Any) -> dict[str, Any]:
        deepspeed = repository / "conf" / "deepspeed" / f"zero{stage}.json"
        if stage == 3:
            content = json.loads(deepspeed.read_text())
            content["zero_optimization"] |= {"stage3_param_persistence_threshold": 0, "stage3_max_live_parameters": 1}
            deepspeed = output_dir.with_name("zero3_releasing.json")
            deepspeed.write_text(json.dumps(content))
        return {
            "data": corpus.data,
            "stream": {"sequence_length": 64},
            "model": {"path": str(base_model), "precision": "fp32"},
            "optimizer": {"learning_rate": 1e-2, "warmup_steps": 2},
            "global_batch_size": 8,
            "micro_batch_size": 2,
            "steps": 12,
            "deepspeed": str(deepspeed),
            "output_dir": str(output_dir),
            "log": {"tensorboard": False},
        } | changes

    return settings


def command_line(
    repository: Path, settings: dict[str, Any], ranks: int | None, launcher: str
) -> tuple[list[str], dict[str, str], Path]:
    """(command of a user for a run with these settings, environment, current folder)."""
    config = Path(settings["output_dir"]).with_suffix(".yaml")
    config.write_text(json.dumps(settings))  # JSON is YAML
    programs = Path(sys.executable).parent
    commands = {
        "deepspeed": [str(programs / "deepspeed"), "--num_accelerators", str(ranks), "--master_port", str(free_port())],
        "torchrun": [str(programs / "torchrun"), "--standalone", "--nproc-per-node", str(ranks)],
    }
    command = [sys.executable] if ranks is None else commands[launcher]
    environment = os.environ | RANK_ENVIRONMENT | {"PATH": f"{programs}:{os.environ['PATH']}"}
    return [*command, str(repository / "training" / "train.py"), "--config", str(config)], environment, config.parent


@pytest.fixture(scope="session")
def rank_environment() -> dict[str, str]:
    """Environment variables of a rank on a CPU."""
    return RANK_ENVIRONMENT


@pytest.fixture(scope="session")
def launch(repository: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`launch(settings, ranks)` runs training/train.py as a user does: under deepspeed, or alone with ranks=None."""

    def run(settings: dict[str, Any], ranks: int | None = 2, launcher: str = "deepspeed") -> subprocess.CompletedProcess[str]:
        command, environment, folder = command_line(repository, settings, ranks, launcher)
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment, cwd=folder)

    return run


@pytest.fixture(scope="session")
def finish(launch: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., SimpleNamespace]:
    """`finish(settings, ranks)` runs to the end and returns folder, metrics, summary, stdout and settings."""

    def run(settings: dict[str, Any], ranks: int | None = 2, launcher: str = "torchrun") -> SimpleNamespace:
        done = launch(settings, ranks, launcher)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return read_finished_run(settings, done.stdout)

    return run


def read_finished_run(settings: dict[str, Any], stdout: str) -> SimpleNamespace:
    """See `finish`."""
    folder = Path(settings["output_dir"])
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    summary = json.loads((folder / "run.json").read_text())
    return SimpleNamespace(folder=folder, metrics=metrics, summary=summary, stdout=stdout, settings=settings)


@pytest.fixture(scope="session")
def finished_run(
    finish: Callable[..., SimpleNamespace], run_settings: Callable[..., dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], SimpleNamespace]:
    """`finished_run(stage)`: 12 steps on two ranks, saved every 4. Made once by all workers; do not change its folder.

    Stage 2 is under `deepspeed`, as in the README. The others are under `torchrun`, which starts seconds faster.
    """
    more = {"log": {"tensorboard": True}, "checkpoint": {"every": 4, "keep": 2}}
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished_runs"

    @functools.cache
    def run(stage: int) -> SimpleNamespace:
        folder = shared / f"zero{stage}"
        folder.mkdir(parents=True, exist_ok=True)
        record = folder / "record.json"
        with FileLock(folder / "lock"):
            if not record.is_file():
                made = finish(run_settings(folder / "run", stage, **more), launcher="deepspeed" if stage == 2 else "torchrun")
                record.write_text(json.dumps([made.settings, made.stdout]))
        return read_finished_run(*json.loads(record.read_text()))

    return run


@pytest.fixture
def start_run(repository: Path) -> Iterator[Callable[..., psutil.Process]]:
    """`start_run(settings, lines)` is the torchrun of a run of two ranks whose `metrics.jsonl` has that many lines."""
    started = []

    def run(settings: dict[str, Any], lines: int) -> psutil.Process:
        command, environment, folder = command_line(repository, settings, 2, "torchrun")
        log = (folder / "start_run.log").open("wb")
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
        started.append(process)
        metrics, deadline = Path(settings["output_dir"]) / "metrics.jsonl", time.monotonic() + 300
        while not (metrics.is_file() and metrics.read_text().count("\n") >= lines):
            assert process.poll() is None, (folder / "start_run.log").read_text()[-4000:]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return psutil.Process(process.pid)

    yield run
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def launch_and_signal(repository: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`launch_and_signal(settings, number, after=5)` runs under torchrun, and sends a signal to one rank.

    It does so as soon as `metrics.jsonl` has that many lines, and `delay` seconds more have passed.
    """

    def run(
        settings: dict[str, Any], number: int, after: int, delay: float = 0.0, rank: int = 0, ranks: int = 2
    ) -> subprocess.CompletedProcess[str]:
        command, environment, folder = command_line(repository, settings, ranks, "torchrun")
        metrics = Path(settings["output_dir"]) / "metrics.jsonl"
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=folder
        ) as process:
            deadline = time.monotonic() + 300
            while process.poll() is None and time.monotonic() < deadline:
                if metrics.is_file() and metrics.read_text().count("\n") >= after:
                    time.sleep(delay)
                    own = [child for child in psutil.Process(process.pid).children() if child.environ().get("RANK") == str(rank)]
                    for child in own:
                        child.send_signal(number)
                    break
                time.sleep(0.02)
            output, _ = process.communicate(timeout=300)
        return subprocess.CompletedProcess(command, process.returncode, output, "")

    return run


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
