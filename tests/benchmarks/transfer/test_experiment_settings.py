"""The configuration of the experiment."""

import pytest
import yaml

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("language=xx", "must be one of ar, ja, ru"),
        ("language=ru", "names.locale_dir is null"),
        ("world.candidates=30", "cannot be more than answers"),
        ("world.cities=10", "at least four times answers"),
        ("arms.base.strategy=right", "is the name of the model before it is adapted"),
    ],
)
def test_an_impossible_configuration_is_refused_with_the_reason(repository, changed, message, load):
    config = load("experiment_settings")
    with pytest.raises(ConfigurationError, match=message):
        load_settings(config.ExperimentSettings, repository / "conf" / "experiment" / "ja.yaml", [changed])


def test_every_preset_can_be_read(repository, load):
    config = load("experiment_settings")
    files = sorted((repository / "conf" / "experiment").glob("*.yaml"))
    assert len(files) >= 2
    for path in files:
        settings = load_settings(config.ExperimentSettings, path)
        assert next(iter(settings.arms.values())).strategy == "none", f"{path}: the first arm is plain fine-tuning"
        assert yaml.safe_load(settings.to_yaml())["language"] == settings.language
