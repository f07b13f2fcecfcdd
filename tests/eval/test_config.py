"""The settings and the shipped configurations of the evaluation."""

import pytest
import yaml
from pydantic import ValidationError

from eval.config import CitySettings, EvalSettings, SummarySettings
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings


@pytest.mark.parametrize("value", [0, -1, "many", 1.5])
def test_an_invalid_batch_size_is_refused(make_settings, value):
    with pytest.raises(ValidationError, match="batch_size"):
        make_settings(batch_size=value)


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


@pytest.mark.parametrize("key", ["model", "output_dir", "data_dir", "data_lock"])
def test_an_empty_path_is_refused(repository, key):
    with pytest.raises(ConfigurationError, match=f"{key}: '' is not allowed: the path is empty"):
        load_settings(EvalSettings, repository / "conf/eval/demo.yaml", [f'{key}=""'])


def test_the_data_of_the_demonstration_exist(repository):
    from eval.tasks.task_catalogue import check_local_files, read_catalogue, resolve_task_names, tasks_folder

    settings = load_settings(EvalSettings, repository / "conf" / "eval" / "demo.yaml")
    tasks = resolve_task_names(settings.tasks, settings.languages, read_catalogue(tasks_folder()))
    assert [task.name for task in tasks] == ["xcodah_ja", "xcodah_es", "xcodah_en", "xcsqa_ja", "xcsqa_es", "xcsqa_en"]
    check_local_files(tasks, repository / settings.data_dir)
