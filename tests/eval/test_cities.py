"""The command that writes facts about cities."""

import yaml

from ..commands import run_module


def test_languages_without_english_end_with_one_line(tmp_path, capsys):
    config = tmp_path / "cities.yaml"
    config.write_text(yaml.safe_dump({"languages": ["ja", "ko"], "output_dir": str(tmp_path / "facts")}))
    assert run_module("eval.cities", "--config", config) == 2
    printed = capsys.readouterr().err
    assert "languages: 'en' is missing" in printed
    assert "Traceback" not in printed
    assert not (tmp_path / "facts").exists()
