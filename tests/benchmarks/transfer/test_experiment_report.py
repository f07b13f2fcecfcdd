"""The report of the experiment."""

from spark_jobs.common.settings import load_settings


def test_the_arms_that_differ_only_in_predicted_names_are_found(load):
    from training.config import InsertionSettings

    arms = {
        "none": InsertionSettings(strategy="none"),
        "right": InsertionSettings(strategy="right"),
        "left": InsertionSettings(strategy="left", predict_names=False),
        "masked": InsertionSettings(strategy="right", predict_names=False),
    }
    report = load("experiment_report")
    assert report.masked_pair(arms) == ("right", "masked")
    assert report.masked_pair({key: arms[key] for key in ("none", "right", "left")}) is None


def test_the_committed_report_has_the_text_of_the_template(repository, load):
    """The committed report comes from 30 models, so after a change of the template its text is edited to match."""
    settings = load_settings(load("experiment_settings").ExperimentSettings, repository / "conf" / "experiment" / "ja.yaml")
    page = (repository / settings.report).read_text(encoding="utf-8").splitlines()
    template = (repository / "benchmarks" / "transfer" / "report.md.j2").read_text(encoding="utf-8")
    fixed = [line for line in template.split("{%- endmacro -%}")[1].splitlines() if line and "{" not in line]
    assert len(fixed) > 12
    assert [line for line in fixed if line not in page] == []
