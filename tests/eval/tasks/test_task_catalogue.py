"""The tasks that exist, and the tasks that a name, a tag, a pattern or a mistyped name resolves to."""

import re
import shutil
from pathlib import Path

import pytest

from eval.tasks.task_catalogue import check_local_files, read_catalogue, resolve_task_names, tasks_folder
from spark_jobs.common.errors import ConfigurationError

LANGUAGES = ["ar", "de", "en", "es", "fr", "hi", "it", "ja", "nl", "pl", "pt", "ru", "sw", "ur", "vi", "zh"]


BOTH = {"xcodah", "xcsqa"}


@pytest.fixture(scope="module")
def catalogue():
    return read_catalogue(tasks_folder())


JAPANESE = ["jcommonsenseqa", "jemhopqa", "niilc", "jaqket_v2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "task: a\ntag: x\ntag: y",
            r"a\.yaml is not valid YAML: line 3, column 1: the key 'tag' is given twice, first in line 2",
        ),
        ("task: a\nmetadata: {scoring: standard, scoring: reference}", "the key 'scoring' is given twice"),
        ("task: [", r"a\.yaml is not valid YAML: line 1, column 8"),
        ("task: \xff", "is not UTF-8: line 1 has the byte 0xff"),
    ],
)
def test_a_task_file_that_is_ambiguous_or_not_yaml_is_refused_by_name(tmp_path, text, message):
    (tmp_path / "a.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=message):
        read_catalogue(tmp_path)


def test_both_benchmarks_have_all_sixteen_languages_in_both_scorings(catalogue):
    published = [f"{tag}_{language}" for tag in ("xcodah", "xcsqa") for language in LANGUAGES] + JAPANESE
    assert {name for name, task in catalogue.items() if task.scoring == "reference"} == {
        f"{name}_reference" for name in published
    }
    assert {name for name, task in catalogue.items() if task.scoring == "standard"} >= set(published)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("tag", "benchmark"), [("xcodah", "X-CODAH"), ("xcsqa", "X-CSQA")])
def test_a_task_states_its_tag_language_and_file(catalogue, tag, benchmark, language):
    task = catalogue[f"{tag}_{language}"]
    code = "jap" if language == "ja" else language
    assert (task.tags, task.language) == ((tag, "retention") if language == "en" else (tag,), language)
    assert task.local_files(Path("data")) == {"validation": Path("data", benchmark, code, "dev.jsonl")}
    assert task.scoring == "standard"
    assert task.metadata["hub_config"].format(**task.config["dataset_kwargs"]) == f"{benchmark}-{code}"


@pytest.mark.parametrize(
    ("requested", "languages", "expected"),
    [
        (["xcsqa_ja"], None, ["xcsqa_ja"]),
        (["xcodah"], None, [f"xcodah_{language}" for language in LANGUAGES]),
        (["xcodah"], ["ja", "es"], ["xcodah_ja", "xcodah_es"]),
        (["xcodah", "xcsqa"], ["en"], ["xcodah_en", "xcsqa_en"]),
        (["x*_sw"], None, ["xcodah_sw", "xcsqa_sw"]),
        (["xcsqa_ja", "xcsqa"], ["en", "ja"], ["xcsqa_ja", "xcsqa_en"]),
        (["xcsqa_ar", "xcodah"], ["en"], ["xcsqa_ar", "xcodah_en"]),
        (["retention"], None, ["tag_leakage", "xcodah_en", "xcsqa_en"]),
        (["retention"], ["en", "ja"], ["xcodah_en", "xcsqa_en", "tag_leakage"]),
    ],
)
def test_names_tags_and_patterns_resolve_in_the_requested_order(catalogue, requested, languages, expected):
    assert [task.name for task in resolve_task_names(requested, languages, catalogue)] == expected


@pytest.mark.parametrize(
    ("requested", "languages", "message"),
    [
        (["xcodha_ja"], None, "tasks: 'xcodha_ja' is neither a task nor a tag. did you mean 'xcodah_ja'"),
        (["xcodah_jap"], None, "did you mean 'xcodah_ja'"),
        (["zzz"], None, "Known tags: "),
        (["xcodah"], ["jp"], "languages: no task is in 'jp'; there are ar, de, el, en"),
        (["x*_ja"], ["en"], "tasks: none of x*_ja exists in the languages en"),
    ],
)
def test_an_unknown_name_is_refused_with_close_names(catalogue, requested, languages, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        resolve_task_names(requested, languages, catalogue)


def test_a_missing_data_file_is_named_with_the_remedy(catalogue, tmp_path):
    tasks = resolve_task_names(["xcsqa"], ["ja", "en"], catalogue)
    with pytest.raises(ConfigurationError) as error:
        check_local_files(tasks, tmp_path)
    assert f"xcsqa_ja reads {tmp_path}/X-CSQA/jap/dev.jsonl, which does not exist (and 1 more)" in str(error.value)
    assert "INK-USC/xcsr" in str(error.value)


def test_every_task_has_another_hash_that_does_not_depend_on_its_folder(catalogue, tmp_path):
    copy = shutil.copytree(tasks_folder(), tmp_path / "tasks")
    hashes = {name: task.sha256() for name, task in catalogue.items()}
    assert len(set(hashes.values())) == len(hashes)
    assert {name: task.sha256() for name, task in read_catalogue(copy).items()} == hashes


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("xcsr/xcsr_documents.py", b"digest.hexdigest()", b"digest.hexdigest( )", BOTH | {f"{tag}_reference" for tag in BOTH}),
        ("xcsr/_shared_standard.yaml", b"version: 1.0", b"version: 1.1", BOTH),
        ("xcsr/_xcsqa.yaml", b'doc_to_text: "Question', b'doc_to_text: "question', {"xcsqa"}),
        ("xcsr/_xcodah.yaml", b"num_fewshot: 0", b"num_fewshot: 1", {"xcodah"}),
        ("xcsr/_xcodah.yaml", b"# Choose", b"# choose", set()),
    ],
)
def test_a_task_that_changes_by_one_byte_has_another_hash(catalogue, tmp_path, file, old, new, changed):
    copy = shutil.copytree(tasks_folder(), tmp_path / "tasks")
    content = (copy / file).read_bytes()
    assert content.count(old) == 1
    (copy / file).write_bytes(content.replace(old, new))
    after = read_catalogue(copy)
    assert {task.tags[0] for name, task in catalogue.items() if task.sha256() != after[name].sha256()} == changed
    assert all(catalogue[name].sha256() != after[name].sha256() for name in catalogue if catalogue[name].tags[0] in changed)
