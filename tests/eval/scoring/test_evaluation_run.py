"""`python -m eval.run`: what it writes, what it takes over from an earlier run, and what it refuses before slow imports."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError
from rich.console import Console

from eval.cities import CitySettings
from eval.config import EvalSettings
from eval.results.evaluation_results import EvalResults, read_records, read_results
from eval.run import main, results_table
from eval.scoring.lm_eval_adapter import SCORING_VERSION
from eval.scoring.model_fingerprint import check_model, model_fingerprint
from eval.summary import SummarySettings
from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings

from .evaluations import answer, write_evaluation


@pytest.fixture
def settings(tiny_model, xcsr, tmp_path):
    def make(**options) -> EvalSettings:
        values = {"model": tiny_model, "tasks": ["xcodah_ja"], "data_dir": xcsr, "output_dir": tmp_path / "out", "device": "cpu"}
        values["data_lock"] = tmp_path / "data.sha256"
        return EvalSettings(**(values | options))

    return make


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": Path("no/such")}, "model: there is no folder no/such (current folder: "),
        ({"tasks": ["xcsqa_jp"]}, "tasks: 'xcsqa_jp' is neither a task nor a tag. did you mean"),
        ({"tasks": ["xcsqa_ur"]}, "data_dir: xcsqa_ur reads "),
        ({"languages": ["jap"]}, "languages: no task is in 'jap'"),
    ],
)
def test_a_mistake_is_answered_with_its_remedy(settings, change, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        main(settings(**change))


def test_a_mistake_is_answered_before_the_slow_imports(settings, repository):
    program = (
        "import sys\n"
        "from eval.run import main\n"
        "from eval.config import EvalSettings\n"
        "from spark_jobs.common.settings import ConfigurationError\n"
        "try:\n"
        "    main(EvalSettings(model='no/such', tasks=['xcodah_ja'], output_dir='o'))\n"
        "except ConfigurationError:\n"
        "    print(sorted({'torch', 'transformers', 'lm_eval', 'datasets', 'pyspark'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        ("config.json", "holds no config.json"),
        ("model.safetensors", "holds no model.safetensors or model.safetensors.index.json; other formats may run code"),
        ("tokenizer.json", "holds no tokenizer"),
    ],
)
def test_an_incomplete_model_directory_is_refused(tiny_model, tmp_path, removed, message):
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model" / removed).unlink()
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        check_model(tmp_path / "model")


@pytest.fixture
def pickled_model(tiny_model, tmp_path):
    """Weights as a pickle that torch would read, beside safetensors of another kind."""
    import torch
    from safetensors.torch import load_file

    model = shutil.copytree(tiny_model, tmp_path / "model")
    torch.save(load_file(model / "model.safetensors"), model / "pytorch_model.bin")
    (model / "model.safetensors").rename(model / "adapter_model.safetensors")
    return model


def test_a_pickle_beside_an_adapters_safetensors_is_refused(pickled_model):
    with pytest.raises(ConfigurationError, match=r"holds no model\.safetensors or"):
        check_model(pickled_model)


def test_the_load_itself_never_reads_a_pickle(settings, pickled_model):
    from transformers import AutoModelForCausalLM

    from eval.scoring.language_model import load_language_model

    assert AutoModelForCausalLM.from_pretrained(pickled_model, use_safetensors=False) is not None  # it could be read
    with pytest.raises(OSError, match=r"model\.safetensors"):
        load_language_model(settings(model=pickled_model))


def test_an_adapter_whose_base_lies_elsewhere_is_refused(tiny_model, tmp_path):
    model = shutil.copytree(tiny_model, tmp_path / "model")
    (model / "adapter_config.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"holds an adapter .* merge the two"):
        check_model(model)


def test_cuda_is_refused_where_there_is_none(settings):
    import torch

    if torch.cuda.is_available():
        pytest.skip("a CUDA device is here")
    with pytest.raises(ConfigurationError, match="device: 'cuda' is not allowed"):
        main(settings(device="cuda"))


def test_a_prompt_that_the_model_cannot_read_whole_is_refused(settings, tiny_model, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 40}))
    main(settings(model=model, tasks=["xcsqa_en"], num_fewshot=0))
    with pytest.raises(ConfigurationError, match=r"num_fewshot: .* takes \d+ tokens, the model reads 40; give fewer examples"):
        main(settings(model=model, tasks=["xcsqa_en"], num_fewshot=4))


@pytest.mark.parametrize("value", [0, -1, "many", 1.5])
def test_an_impossible_batch_size_is_refused(settings, value):
    with pytest.raises(ValidationError, match="batch_size"):
        settings(batch_size=value)


def test_a_run_leaves_scores_items_and_the_resolved_configuration(settings, capsys):
    wanted = settings(tasks=["xcodah", "xcsqa"], languages=["ja", "en"], num_fewshot=2)
    main(wanted)
    output_dir = wanted.output_dir
    files = sorted(str(path.relative_to(output_dir)) for path in output_dir.rglob("*") if path.is_file())
    names = ["xcodah_ja", "xcodah_en", "xcsqa_ja", "xcsqa_en"]
    assert files == sorted(["config.yaml", "results.json", "results.md", *(f"samples/{name}.jsonl" for name in names)])
    assert load_settings(EvalSettings, output_dir / "config.yaml") == wanted
    results = read_results(output_dir)
    assert list(results.tasks) == names
    assert [results.tasks[name].num_fewshot for name in names] == [0, 0, 2, 2]
    assert results.model["fingerprint"] == model_fingerprint(wanted.model)
    for name, task in results.tasks.items():
        assert {"lm_eval", "transformers", "tokenizers", "torch"} <= set(task.versions)
        assert (task.scoring_version, task.dtype) == (SCORING_VERSION, "float32")
        records = (output_dir / "samples" / f"{name}.jsonl").read_bytes()
        assert task.samples_sha256 == hashlib.sha256(records).hexdigest()
    assert len(read_records(output_dir, "xcsqa_en")) == 6
    table = shown(capsys)
    for number, name in enumerate(names, start=1):
        assert f"{number} of 4: {name}, acc " in table  # a log, where no bar is seen
        assert f"│ {name} │" in table
        assert f"| {name} | standard |" in (output_dir / "results.md").read_text()


def shown(capsys) -> str:
    """What the console got, on one line."""
    return " ".join(capsys.readouterr().out.split())


def test_a_narrow_terminal_cuts_no_name_off(tmp_path):
    name = "jcommonsenseqa_ja_reference"
    results = read_results(write_evaluation(tmp_path, "aaa", {name: [answer(0, 1), answer(1, 0)]}, scoring="reference"))
    console = Console(file=io.StringIO(), width=60)
    console.print(results_table(results, [name]))
    rows = [line.split("│") for line in console.file.getvalue().splitlines() if line.startswith("│")]
    assert "".join(cells[1].strip() for cells in rows) == name


def seconds_of(output_dir: Path) -> dict[str, float]:
    """Wall time of each task: equal only if the task was not run again."""
    return {name: task.seconds for name, task in read_results(output_dir).tasks.items()}


def test_a_finished_task_is_not_run_again(settings, capsys, monkeypatch):
    main(settings())
    first = seconds_of(settings().output_dir)
    monkeypatch.setattr("eval.run.load_tasks", None)  # whoever calls it now fails
    main(settings(batch_size=3))
    assert "1 of 1 tasks were finished before with this model and configuration: taken as they are" in shown(capsys)
    assert seconds_of(settings().output_dir) == first


def test_a_further_task_is_run_beside_a_finished_one(settings):
    main(settings())
    first = seconds_of(settings().output_dir)
    main(settings(tasks=["xcodah_en", "xcodah_ja"]))
    second = seconds_of(settings().output_dir)
    assert second["xcodah_ja"] == first["xcodah_ja"]
    assert set(second) == {"xcodah_ja", "xcodah_en"}


@pytest.mark.parametrize("change", [{"limit": 3}, {"seed": 1}, {"dtype": "bfloat16"}, {"num_fewshot": 1}])
def test_another_configuration_runs_a_task_again(settings, change):
    main(settings(tasks=["xcsqa_ja"], num_fewshot=0))
    key = read_results(settings().output_dir).tasks["xcsqa_ja"].key
    main(settings(**{"tasks": ["xcsqa_ja"], "num_fewshot": 0} | change))
    assert read_results(settings().output_dir).tasks["xcsqa_ja"].key != key


def test_changed_data_run_a_task_again(settings, xcsr, tmp_path):
    data_dir = tmp_path / "data"
    shutil.copytree(xcsr, data_dir)
    main(settings(data_dir=data_dir))
    path = data_dir / "X-CODAH" / "jap" / "dev.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:4]))
    main(settings(data_dir=data_dir))
    assert read_results(settings().output_dir).tasks["xcodah_ja"].n == 4


def test_results_of_another_model_are_replaced(settings, tiny_model, tmp_path, capsys):
    main(settings(tasks=["xcodah_en"]))
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 1e-3}))
    main(settings(model=model))
    assert "holds results of another model: they are replaced" in shown(capsys)
    assert list(read_results(settings().output_dir).tasks) == ["xcodah_ja"]


def test_a_task_whose_item_records_are_gone_is_run_again(settings):
    main(settings())
    records = settings().output_dir / "samples" / "xcodah_ja.jsonl"
    before = records.read_text()
    records.unlink()
    main(settings())
    assert records.read_text() == before


def test_a_task_whose_item_records_do_not_fit_its_scores_is_run_again(settings):
    """What a run leaves that is killed after it wrote the records of another configuration and before their scores."""
    output_dir, other = settings().output_dir, settings().output_dir.with_name("other")
    main(settings())
    key = read_results(output_dir).tasks["xcodah_ja"].key
    path = output_dir / "samples" / "xcodah_ja.jsonl"
    records = path.read_text()
    main(settings(output_dir=other, limit=3))
    shutil.copy(other / "samples" / "xcodah_ja.jsonl", path)
    assert path.read_text() != records
    main(settings())
    assert path.read_text() == records
    assert read_results(output_dir).tasks["xcodah_ja"].key == key


@pytest.mark.parametrize("package", ["lm_eval", "transformers", "tokenizers", "scoring", "torch"])
def test_what_scores_is_part_of_the_key_and_results_carried_over_keep_their_versions(settings, monkeypatch, package):
    main(settings())
    first = read_results(settings().output_dir).tasks["xcodah_ja"]
    if package == "scoring":
        monkeypatch.setattr("eval.run.SCORING_VERSION", "next")
    else:
        monkeypatch.setattr("eval.run.version", lambda name: "999" if name == package else version(name))
    main(settings(tasks=["xcodah_ja", "xcodah_en"]))
    tasks = read_results(settings().output_dir).tasks
    if package == "torch":  # it changes rounding alone
        assert tasks["xcodah_ja"] == first
        assert (first.versions["torch"], tasks["xcodah_en"].versions["torch"]) == (version("torch"), "999")
        assert f"torch {', '.join(sorted([version('torch'), '999']))}" in (settings().output_dir / "results.md").read_text()
    else:
        assert tasks["xcodah_ja"].key != first.key


@pytest.fixture
def hub(xcsr, tmp_path, monkeypatch):
    """The hub's data set as a folder of that name, with as many items as were published: `datasets` looks there first."""
    folder = tmp_path / "INK-USC" / "xcsr"
    configs = []
    for code in ("jap", "en"):
        name = f"X-CODAH-{code}/validation.jsonl"
        rows = [json.loads(line) for line in (xcsr / "X-CODAH" / code / "dev.jsonl").open()]
        rows = [rows[number % len(rows)] | {"id": f"item{number}"} for number in range(300)]
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        configs.append({"config_name": f"X-CODAH-{code}", "data_files": [{"split": "validation", "path": name}]})
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': configs})}---\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    return folder


def test_data_of_the_hub_that_changed_are_refused_and_once_taken_run_a_task_again(settings, hub):
    served = {"data_dir": None, "tasks": ["xcodah_ja", "xcodah_en"], "limit": 4}
    main(settings(**served))
    first = read_results(settings().output_dir).tasks
    path = hub / "X-CODAH-jap" / "validation.jsonl"
    *lines, last = path.read_text().splitlines()
    path.write_text("\n".join([*lines, last.replace("item299", "other")]))
    shutil.rmtree(hub.parents[1] / "cache")  # it knows the hub's files by their commit, those of a folder by their names
    with pytest.raises(
        ConfigurationError, match=r"xcodah_ja: .* is no longer what it was: .* holds \w{64} of an earlier reading"
    ):
        main(settings(**served))
    lock = settings().data_lock
    lock.write_text("".join(line for line in lock.read_text().splitlines(keepends=True) if "jap" not in line))
    main(settings(**served))
    second = read_results(settings().output_dir).tasks
    assert second["xcodah_en"] == first["xcodah_en"]
    before, after = first["xcodah_ja"].data, second["xcodah_ja"].data
    assert (before["hub"], before["revision"]) == (after["hub"], after["revision"]) == ("INK-USC/xcsr", "main")
    assert before["items_sha256"] != after["items_sha256"]


def test_items_have_one_hash_wherever_they_come_from(settings, hub):
    local = hub.parents[1] / "data" / "X-CODAH" / "jap" / "dev.jsonl"
    local.parent.mkdir(parents=True)
    shutil.copy(hub / "X-CODAH-jap" / "validation.jsonl", local)
    main(settings(data_dir=local.parents[2], limit=2))
    read = read_results(settings().output_dir).tasks["xcodah_ja"].data
    main(settings(data_dir=None, limit=2))
    served = read_results(settings().output_dir).tasks["xcodah_ja"].data
    assert set(read) == {"validation_file", "validation_sha256", "items_sha256"}
    assert set(served) == {"hub", "revision", "items_sha256"}  # a folder has no commit
    assert read["items_sha256"] == served["items_sha256"]


@pytest.mark.parametrize("batch_size", [4, "auto"])
@pytest.mark.parametrize("task", ["xcodah_ja", "xcsqa_ja"])
def test_the_bar_counts_every_candidate_once_and_lm_eval_prints_nothing(settings, monkeypatch, capfd, task, batch_size):
    from rich.progress import Progress

    counted = []
    advance = Progress.advance
    monkeypatch.setattr(Progress, "advance", lambda self, *moved: (counted.append(moved[-1]), advance(self, *moved)))
    main(settings(tasks=[task], num_fewshot=0, batch_size=batch_size))
    assert sum(counted) == 6 * (4 if task == "xcodah_ja" else 5)
    output = capfd.readouterr()
    assert "batch" not in output.out + output.err


def test_a_stopped_run_keeps_its_finished_tasks(settings, monkeypatch):
    import eval.run

    scored = eval.run.evaluate_task

    def stop_at_the_second(entry, *arguments):
        if entry.name == "xcodah_en":
            raise KeyboardInterrupt
        return scored(entry, *arguments)

    monkeypatch.setattr("eval.run.evaluate_task", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        main(settings(tasks=["xcodah_ja", "xcodah_en"]))
    assert list(read_results(settings().output_dir).tasks) == ["xcodah_ja"]


def test_a_file_is_whole_or_absent(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    write_text_atomically(path, "old")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_text_atomically(path, "new")
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "cannot be read as results"), ('{"schema_version": "2.0"}', "cannot be read as results"), (None, "does not exist")],
)
def test_a_torn_or_missing_results_file_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "results.json").write_text(content)
    with pytest.raises(ConfigurationError, match=message) as error:
        read_results(tmp_path)
    assert str(tmp_path / "results.json") in str(error.value)


def test_results_of_another_major_version_are_refused(tmp_path):
    results = EvalResults(schema_version="1.0", model={}, configuration={}, tasks={})
    (tmp_path / "results.json").write_text(results.model_dump_json())
    with pytest.raises(ConfigurationError, match=r"schema version '1\.0', this code reads 2\.1; remove it"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("demo", EvalSettings),
        ("xcsr", EvalSettings),
        ("reference", EvalSettings),
        ("knowledge", EvalSettings),
        ("cities", CitySettings),
        ("summary", SummarySettings),
    ],
)
def test_the_shipped_configurations_are_valid(repository, name, model):
    path = repository / "conf" / "eval" / f"{name}.yaml"
    assert set(load_settings(model, path).model_dump(mode="json")) >= set(yaml.safe_load(path.read_text()))


def test_the_demonstration_has_its_data(repository):
    from eval.tasks.task_catalogue import check_local_files, read_catalogue, resolve, tasks_folder

    settings = load_settings(EvalSettings, repository / "conf" / "eval" / "demo.yaml")
    tasks = resolve(settings.tasks, settings.languages, read_catalogue(tasks_folder()))
    assert [task.name for task in tasks] == ["xcodah_ja", "xcodah_es", "xcodah_en", "xcsqa_ja", "xcsqa_es", "xcsqa_en"]
    check_local_files(tasks, repository / settings.data_dir)


@pytest.fixture
def model_with_code(tiny_model, tmp_path):
    """A model directory whose own Python leaves a mark when it is run."""
    folder = shutil.copytree(tiny_model, tmp_path / "coded")
    mark = tmp_path / "was_run"
    (folder / "modeling_own.py").write_text(
        f"from pathlib import Path\nfrom transformers import LlamaForCausalLM\nPath({str(mark)!r}).touch()\n\n\n"
        "class OwnForCausalLM(LlamaForCausalLM):\n    pass\n"
    )
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_own.OwnForCausalLM"}
    (folder / "config.json").write_text(json.dumps(config))
    return folder, mark


@pytest.mark.parametrize("trusted", [False, True])
def test_a_models_own_code_runs_only_if_it_is_asked_for_by_name(settings, model_with_code, trusted, monkeypatch, tmp_path):
    folder, mark = model_with_code
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    main(settings(model=folder, trust_remote_code=trusted))
    assert mark.exists() == trusted


def test_the_code_that_is_run_is_part_of_a_models_identity(model_with_code):
    folder, _ = model_with_code
    plain, with_code = model_fingerprint(folder), model_fingerprint(folder, with_code=True)
    (folder / "modeling_own.py").write_text("# other\n")
    assert model_fingerprint(folder) == plain
    assert model_fingerprint(folder, with_code=True) != with_code != plain
