"""The README and the pages: every command runs or names its requirement, every name exists, generated pages are current."""

import ast
import importlib
import os
import re
import shlex
import subprocess
import sys
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "docs"))
import generate_reference  # noqa: E402
from site_links import TITLES as MARKS  # noqa: E402

DOCS = REPOSITORY / "docs"
PAGES = sorted([REPOSITORY / "README.md", *DOCS.rglob("*.md")])
GENERATED = ("commands.md", "configuration.md", "exit-codes.md", "python-api.md", "tables.md")
"""Pages of docs/reference that `make reference` writes."""
COMMAND = re.compile(
    r"^\s*(?:[A-Z_]+=\S+ )*(?:python|pip|make|deepspeed|torchrun|spark-submit|docker|sbatch|kubectl|srun|git|mkdocs|conda) \S"
)
FOLDERS = "conf|docs|tests|spark_jobs|training|eval|benchmarks|docker"
NAMED_FILE = re.compile(rf"(?<![\w/.-])((?:{FOLDERS})/[\w./*=-]*[\w*])")
RUNS = re.compile(
    r"(?:python -m |spark-submit .*?|deepspeed .*?|torchrun .*?|python )(?P<what>(?:spark_jobs|training|eval)[\w./]+)"
)
SECTIONED_KEY = re.compile(r"(?<![\w.-])([a-z_]+(?:\.[a-z_0-9]+)+)(?![\w(/-])")


def name_of(page: Path) -> str:
    """How pages are named in `mkdocs.yml` and in links of the start page: by their path below docs."""
    return page.relative_to(DOCS).as_posix() if page.is_relative_to(DOCS) else page.name


@dataclass(frozen=True)
class Block:
    """A fenced block: where it is, its info string and its lines."""

    page: Path
    line: int
    info: str
    text: str

    @property
    def name(self) -> str:
        return f"{name_of(self.page)}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """Its lines; a line that ends in a backslash is joined with the next one."""
        return self.text.replace("\\\n", " ").splitlines()


def blocks_of(page: Path) -> Iterator[Block]:
    lines = page.read_text(encoding="utf-8").splitlines()
    start: int | None = None
    for number, line in enumerate(lines):
        if line.startswith("```"):
            if start is None:
                start = number
            else:
                yield Block(page, start + 1, lines[start][3:].strip(), "\n".join(lines[start + 1 : number]))
                start = None
    assert start is None, f"{name_of(page)}:{start}: the block has no end"


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
SHELL = [block for block in BLOCKS if block.info.split()[:1] in (["bash"], ["sh"], ["shell"])]
HELP = [block for block in BLOCKS if block.page == DOCS / "reference/commands.md"]
"""Examples of `--help`."""
TRANSCRIPTS = {"how-to/inspect-a-corpus.md": "tests/spark_jobs/test_explain.py"}
"""Page with commands and their output -> the test that runs them."""


ELSEWHERE = {
    "git clone": (".ci/run", "make test"),  # a clone is where it begins
    "make demo": ("tests/end_to_end/test_pipeline.py", '"demo.sh"'),
    "make test": (".ci/run", "make test"),
    "make dist": ("tests/spark_jobs/test_cluster.py", '"dist.sh"'),
    "spark-class org.apache.spark.deploy": ("tests/spark_jobs/test_cluster.py", '"bin/spark-class"'),
    "spark-submit --master spark://127.0.0.1": ("tests/spark_jobs/test_cluster.py", '"bin/spark-submit"'),
    "make experiment": ("tests/benchmarks/test_transfer.py", "quick.yaml"),
    "python training/train.py --config conf/train/llama2-7b-ja.yaml --dry-run": (
        "tests/training/planning/test_recipes.py",
        '"conf/train/llama2-7b-ja.yaml", "--dry-run"',
    ),
    "python -m training.train --help": ("tests/test_packaging.py", '"training.train",'),
    "python -m training.preview": ("docs/tutorial.md", "python -m training.preview"),
    "python -m training.run_page": ("tests/training/test_run_page.py", '"training.run_page"'),
    "pytest tests/spark_jobs/wiki": (".ci/run", "make test"),
    "python -m eval.tasks.generated_task_files": ("tests/eval/tasks/test_generated_task_files.py", "write_task_files"),
}
"""Beginning of a command in a block `tested-elsewhere` -> the file that runs it, and the text that shows it there."""


def test_what_is_tested_elsewhere_is_tested() -> None:
    """By the file that is named above, or by a block that runs."""

    def words(line: str) -> str:
        return " ".join(shlex.split(line, comments=True))

    run = {words(line) for block in SHELL if block.info == "bash run" for line in block.commands if "<<" not in line}
    lines = [words(line) for block in SHELL if block.info == "bash tested-elsewhere" for line in block.commands]
    found = {line: [start for start in ELSEWHERE if line.startswith(start)] for line in lines if line and line not in run}
    assert [line for line, starts in found.items() if not starts] == []
    assert {start for starts in found.values() for start in starts} == ELSEWHERE.keys()
    for file, shown in ELSEWHERE.values():
        assert shown in (REPOSITORY / file).read_text(encoding="utf-8"), file


def test_every_block_of_commands_runs_or_names_its_requirement() -> None:
    assert len(SHELL) > 15
    wrong = [f"{block.name}: ```{block.info}" for block in SHELL if block.info.removeprefix("bash ") not in MARKS]
    assert wrong == []


def test_commands_with_their_output_are_run_by_a_test() -> None:
    pages = {name_of(block.page) for block in BLOCKS if block.info == "console"}
    assert pages == TRANSCRIPTS.keys()
    assert all("```console" in (REPOSITORY / test).read_text(encoding="utf-8") for test in TRANSCRIPTS.values())


def test_commands_are_in_blocks_of_commands() -> None:
    fenced = {(block.page, block.line + offset) for block in BLOCKS for offset in range(len(block.text.splitlines()) + 2)}
    indented = [
        f"{name_of(page)}:{number}: {line}"
        for page in PAGES
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        if line.startswith("    ") and (page, number) not in fenced and COMMAND.match(line)
    ]
    assert indented == []
    others = [block for block in BLOCKS if block not in [*SHELL, *HELP] and "docker" not in block.info]
    others = [block.name for block in others if COMMAND.match(block.text)]
    assert others == []


def test_every_page_is_in_the_site_once() -> None:
    text = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:")[1]
    listed = re.findall(r"(?<= )([\w/-]+\.md)$", text, re.MULTILINE)
    assert sorted(listed) == sorted(name_of(page) for page in PAGES if page.name != "README.md")


def test_the_start_page_leads_to_every_page() -> None:
    links = re.findall(r"\]\(([\w/-]+\.md)", (DOCS / "index.md").read_text(encoding="utf-8"))
    assert {name_of(page) for page in PAGES} - {"README.md", "index.md"} == set(links)


def test_the_readme_is_a_door() -> None:
    lines = (REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    first_screen = "\n".join(lines[:20])
    assert "make demo" in first_screen
    assert "make test" in first_screen


def test_the_generated_pages_are_current(tmp_path) -> None:
    """In a separate process, because commands are executed as programs to find their options."""
    line = [sys.executable, "-m", "docs.generate_reference", str(tmp_path)]
    result = subprocess.run(line, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert result.returncode == 0, result.stderr
    written = {page.name: page.read_text(encoding="utf-8") for page in tmp_path.iterdir()}
    assert sorted(written) == sorted(GENERATED)
    stale = [name for name, text in written.items() if (DOCS / "reference" / name).read_text(encoding="utf-8") != text]
    assert stale == [], "run: make reference"


def exit_constants() -> set[tuple[str, int]]:
    """Every `EXIT_… = number` of the code."""
    files = [file for part in ("spark_jobs", "training", "eval", "benchmarks") for file in (REPOSITORY / part).rglob("*.py")]
    assigned = [
        node for file in files for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.Assign)
    ]
    found: set[tuple[str, int]] = set()
    for node in assigned:
        names, values = (ast.unparse(side).strip("()").split(", ") for side in (node.targets[0], node.value))
        found |= {(name, int(value)) for name, value in zip(names, values, strict=False) if name.startswith("EXIT_")}
    return found


def test_every_exit_code_is_documented() -> None:
    assert exit_constants() == {(name, code) for code, name, *_ in generate_reference.EXIT_CODES if name is not None}


def test_every_command_is_documented() -> None:
    """Every module that is a program, and every model of a configuration that it reads."""
    documented = {entry.module: entry.settings for group in generate_reference.ENTRY_POINTS.values() for entry in group}
    programs = {
        file.relative_to(REPOSITORY).with_suffix("").as_posix().replace("/", ".").removesuffix(".__main__")
        for part in ("spark_jobs", "training", "eval")
        for file in (REPOSITORY / part).rglob("*.py")
        if '__name__ == "__main__"' in file.read_text(encoding="utf-8")
    }
    assert programs - documented.keys() == {
        "spark_jobs.wikis.rebuild_siteinfo",
        "eval.tasks.generated_task_files",
    }  # for developers
    for module, settings in documented.items():
        model = model_of(module)
        assert (model.__name__ if model else None) in (settings, None), module


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = []
    names = {match[1] for match in NAMED_FILE.finditer(text)}
    if page in {block.page for block in HELP}:
        names = {name for name in names if not name.startswith("eval/")}  # folders for results, in examples
    for name in names:
        found = list(REPOSITORY.glob(name)) if "*" in name else [REPOSITORY / name]
        if not any(path.exists() for path in found):
            missing.append(name)
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    missing += [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


def model_of(what: str) -> type[BaseModel] | None:
    """The configuration of an entry point, given as a module or a file."""
    module = importlib.import_module(what.removesuffix(".py").replace("/", "."))
    source = Path(module.__file__ or "").read_text(encoding="utf-8")
    named = re.search(r"(?:command|run_configured)\(\s*(\w+Settings)\b", source)
    hints = typing.get_type_hints(module.main) if hasattr(module, "main") else {}
    kinds = [getattr(module, named[1])] if named else list(hints.values())
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def has_key(model: type[BaseModel], key: str) -> bool:
    """Whether a `--set` of that key could be right: each part names a field, or is a key of a mapping."""
    first, _, rest = key.partition(".")
    if first not in model.model_fields:
        return False
    annotation = model.model_fields[first].annotation
    kinds = [annotation, *typing.get_args(annotation)]
    inner = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return not rest or (has_key(inner, rest) if inner is not None else "dict" in str(annotation))


def uses_of_set() -> Iterator[tuple[str, str, str]]:
    """Where, entry point and key of every `--set` in a command, in blocks and in running text."""
    for page in PAGES:
        texts = [(block.name, line) for block in blocks_of(page) if block in [*SHELL, *HELP] for line in block.commands]
        inline = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL))
        texts += [(name_of(page), " ".join(code.split())) for code in inline]
        for where, line in texts:
            if (found := RUNS.search(line)) is not None:
                yield from ((where, found["what"], key) for key in re.findall(r"--set ['\"]?([\w.]+)=", line))


def test_every_key_that_is_set_exists() -> None:
    uses = list(uses_of_set())
    assert len(uses) > 20
    wrong = []
    for where, what, key in uses:
        model = model_of(what)
        if model is None or not has_key(model, key):
            wrong.append(f"{where}: {what} has no key {key}")
    assert wrong == []


def test_every_key_in_running_text_exists() -> None:
    models = [model for what in ("spark_jobs.build", "training.train", "eval.run") if (model := model_of(what))]
    sections = {name for model in models for name, field in model.model_fields.items() if "Settings" in str(field.annotation)}
    sections.discard("spark")  # names of Spark's own properties begin so
    wrong = []
    for page in (page for page in PAGES if page.name not in GENERATED):
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for code in re.findall(r"`([a-z_.:= ]+)`", text):
            for key in SECTIONED_KEY.findall(code):
                is_file = key.rsplit(".", 1)[-1] in ("py", "json", "yaml", "md", "jsonl", "html")
                if key.split(".")[0] in sections and not is_file and not any(has_key(model, key) for model in models):
                    wrong.append(f"{name_of(page)}: {key}")
    assert wrong == []


def test_configurations_for_launchers_are_well_formed(repository) -> None:
    script = repository / "conf/launch/slurm.sbatch"
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    kinds = {}
    for file in sorted((repository / "conf/launch").glob("*.yaml")):
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        kinds[file.name] = document["kind"]
        text = file.read_text(encoding="utf-8")
        for path in re.findall(r"(?:conf|training)/[\w./-]+", text):
            assert (repository / path).exists(), f"{file.name}: {path}"
        train = model_of("training.train")
        assert train is not None
        keys = re.findall(r"(?:--set |- )([a-z_.]+)=", text)
        assert {"data.corpus", "output_dir", "resume"} <= set(keys)
        assert all(has_key(train, key) for key in keys)
    assert kinds == {"jobset.yaml": "JobSet", "pytorchjob.yaml": "PyTorchJob"}
    for line in (repository / "conf/launch/hostfile").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"#.*|[\w.-]+ slots=\d+", line)


def test_the_slurm_script_starts_a_rank_for_each_gpu_and_queues_itself_again_when_it_saved(repository, tmp_path) -> None:
    """With a `srun` that runs the ranks here, and a `scontrol` that prints its arguments."""
    saved_file = importlib.import_module("training.loop.exit_codes").SAVED_FILE
    (tmp_path / "conf").symlink_to(repository / "conf")
    (tmp_path / "training").mkdir()
    (tmp_path / "training/train.py").write_text(
        "import os, pathlib, sys\n"
        "names = ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'LOCAL_WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')\n"
        "print('rank:', *(os.environ[name] for name in names), *sys.argv[1:])\n"
        f"if os.environ['SAVED'] and os.environ['RANK'] == '0': pathlib.Path(os.environ['{saved_file}']).touch()\n"
        "sys.exit(int(os.environ['STATUS']))\n"
    )
    tools = tmp_path / "bin"
    tools.mkdir()
    srun = (
        "while [[ $1 == --* ]]; do echo $1 >> options; shift; done\n"
        "for SLURM_PROCID in 0 1; do\n  export SLURM_PROCID SLURM_LOCALID=$SLURM_PROCID\n"
    )
    srun += '  "$@"; status=$?\ndone\nexit $status\n'
    scontrol = 'if [ "$1" = show ]; then echo first; echo second; else echo "scontrol $*"; fi\n'
    for name, text in {"srun": srun, "scontrol": scontrol, "python": f'exec {sys.executable} "$@"\n'}.items():
        (tools / name).write_text(f"#!/usr/bin/env bash\n{text}")
        (tools / name).chmod(0o755)
    slurm = {"SLURM_SUBMIT_DIR": str(tmp_path), "SLURM_JOB_NODELIST": "x", "SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "4"}
    slurm |= {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "PATH": f"{tools}:{os.environ['PATH']}"}
    given = f"--set data.cache=/tmp/leia-cache-{os.getuid()} --config c.yaml --set steps=3 --set resume=true"
    expected = [f"rank: {rank} {rank} 2 2 first 20007 {given}" for rank in (0, 1)]
    # srun may report the exit of a rank that it ended (137) although the run has saved; an earlier start's file does not count.
    cases = [(75, True, 75), (75, False, 75), (137, True, 75), (143, True, 75), (137, False, 137), (1, False, 1), (0, False, 0)]
    for status, saved, left in cases:
        line = ["bash", str(repository / "conf/launch/slurm.sbatch"), "--config", "c.yaml", "--set", "steps=3"]
        environment = {**os.environ, **slurm, "STATUS": str(status), "SAVED": "yes" if saved else ""}
        (tmp_path / "leia-7.saved").touch()
        result = subprocess.run(line, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
        printed = result.stdout.splitlines()
        assert (result.returncode, printed[:2]) == (left, expected), result.stderr
        assert ("scontrol requeue 7" in printed) is (left == 75)
        assert not (tmp_path / "leia-7.saved").exists()
    assert "--cpus-per-task=4" in (tmp_path / "options").read_text().splitlines()


def test_the_site_is_built_without_a_warning(repository, tmp_path) -> None:
    pytest.importorskip("material", reason="the site needs the extra `docs`")
    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "LEIA_REPOSITORY": "https://example.org/leia"}
    result = subprocess.run(line, capture_output=True, text=True, cwd=repository, env=environment, check=False)
    assert result.returncode == 0, result.stderr
    page = (tmp_path / "site/how-to/run-on-a-cluster/index.html").read_text(encoding="utf-8")
    assert 'href="https://example.org/leia/blob/main/conf/spark/spark-defaults.conf"' in page
    assert "needs a cluster" in page
    assert "needs-cluster" not in page


@pytest.fixture(scope="module")
def workplace(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the paths that commands name; their output is written below it. Pages share it, so one build serves all."""
    folder = tmp_path_factory.mktemp("workplace")
    for name in ("conf", "training", "eval", "spark_jobs", "benchmarks", "tests", "docs", "docker", "dist.sh"):
        (folder / name).symlink_to(repository / name)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted({block.page for block in SHELL if block.info == "bash run"}), ids=name_of)
def test_the_commands_of_a_page_run_one_after_the_other(page: Path, workplace: Path) -> None:
    """In one folder, as a reader types them."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "160"}
    for block in (block for block in blocks_of(page) if block.info == "bash run"):
        line = ["bash", "-euo", "pipefail", "-c", block.text]
        result = subprocess.run(line, capture_output=True, text=True, cwd=workplace, env=environment, check=False)
        assert result.returncode == 0, f"{block.name}: {shlex.join(line[-1:])}\n{result.stdout[-2000:]}\n{result.stderr[-4000:]}"
