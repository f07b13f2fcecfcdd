"""The dataset card: it agrees with the tables, and `datasets` and `mlcroissant` read the tables by it."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.config import CardSettings
from spark_jobs.contract.corpus_tables import corpus_tables, read_manifests
from spark_jobs.contract.manifest import MANIFEST, read_manifest
from spark_jobs.contract.table_schemas import TABLES
from spark_jobs.reports.cards.card_files import CROISSANT, README, write_card, write_corpus_card

WIKIS = ["eswiki", "jawiki"]
ENCODED = "encoded-mistral-7b-v0.1-en"
LOAD_WITH_DATASETS = """
import json, sys
from datasets import load_dataset
found = {}
for name in sys.argv[2:]:
    splits = load_dataset(sys.argv[1], name)
    features = next(iter(splits.values())).features
    found[name] = {"rows": {wiki: len(rows) for wiki, rows in splits.items()}, "features": features._to_yaml_list()}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def head(corpus: Path) -> dict:
    """The YAML at the head of the card that the build wrote."""
    return yaml.safe_load((corpus / README).read_text(encoding="utf-8").split("---\n")[1])


@pytest.fixture
def tables(corpus: Path, tmp_path: Path) -> Location:
    """A temporary folder with two small tables of the sample and no card."""
    for folder in ("names/wiki=jawiki", "rejects/wiki=eswiki"):
        (tmp_path / folder).parent.mkdir(exist_ok=True)
        (tmp_path / folder).symlink_to(corpus / folder)
    return Location.of(str(tmp_path))


def write_and_read_card(folder: Location, **settings: object) -> str:
    write_card(folder, CardSettings(**settings))
    return (folder / README).read_bytes().decode()


def test_a_folder_without_tables_is_refused(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="holds no published table"):
        write_card(Location.of(str(tmp_path)), CardSettings())
    with pytest.raises(ConfigurationError, match="does not exist: build a corpus first"):
        write_card(Location.of(str(tmp_path / "none")), CardSettings())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:100], "cannot be read as a manifest"),
        (lambda text: text.replace('"schema_version": "1.', '"schema_version": "2.'), "has schema version '2"),
    ],
    ids=["truncated", "of another major version"],
)
def test_an_unusable_manifest_is_reported_with_its_path(corpus, tmp_path, damage, message) -> None:
    folder = tmp_path / "names" / "wiki=jawiki"
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(damage((corpus / "names/wiki=jawiki" / MANIFEST).read_text()))
    with pytest.raises(ConfigurationError, match=f"{MANIFEST} {message}"):
        write_card(Location.of(str(tmp_path)), CardSettings())


def test_the_head_names_languages_licences_and_every_table(head) -> None:
    assert head["language"] == ["es", "ja"]
    assert head["license"] == ["cc-by-sa-4.0", "gfdl"]
    assert [config["config_name"] for config in head["configs"]] == ["articles", "names", "augmented", "links", ENCODED]
    assert [config["config_name"] for config in head["configs"] if config.get("default")] == ["augmented"]


def test_the_figures_are_those_of_the_manifests(corpus) -> None:
    card = (corpus / README).read_text(encoding="utf-8")
    for wiki in WIKIS:
        articles, augmented = (read_manifest(corpus / table / f"wiki={wiki}") for table in ("articles", "augmented"))
        counts, links = articles.counters, augmented.counters
        figures = f"| {wiki} | 20240101 | {counts['articles']} | {counts['redirects']} | 0 | {links['links']:,} |"
        assert f"{figures} {links['links_with_name.en']:,} (" in card
        for table in TABLES.values():
            folder = table.folder({"wiki": wiki, "tokenizer": "mistral-7b-v0.1", "pivot": "en"})
            manifest = read_manifest(corpus / folder)
            assert f"| `{folder}` | {manifest.rows:,} | `{manifest.row_hash}` |" in card
            assert manifest.code_version in card
        for entry in articles.inputs:
            assert f"| `{entry['name']}` | {entry['bytes']:,} | `{entry['sha256']}` |" in card
    for table in TABLES.values():
        for column in table.columns:
            assert f"| `{column.name}` | " in card
    for needed in ("CC BY-SA 4.0", "GNU Free Documentation License", "`url`", "`revision_id`", "Schema version 1."):
        assert needed in card


def test_datasets_loads_every_table_by_the_card(corpus, head, tmp_path) -> None:
    names = [config["config_name"] for config in head["configs"]]
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", LOAD_WITH_DATASETS, str(corpus), *names]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Ignoring" not in done.stderr  # its warning about an unusable head
    infos = {info["config_name"]: info for info in head["dataset_info"]}
    for name, found in json.loads(done.stdout).items():
        assert found["features"] == infos[name]["features"]
        assert found["rows"] == {split["name"]: split["num_examples"] for split in infos[name]["splits"]}
        assert list(found["rows"]) == WIKIS


def test_mlcroissant_validates_the_metadata_and_reads_every_table(corpus) -> None:
    import mlcroissant

    described = mlcroissant.Dataset(str(corpus / CROISSANT))
    assert described.metadata.issues.errors == set()
    assert [issue for issue in described.metadata.issues.warnings if "datePublished" not in issue] == []
    for table in corpus_tables(read_manifests(Location.of(str(corpus)))):
        rows = list(described.records(table.name))
        assert len(rows) == table.rows
        assert {row[f"{table.name}/wiki"].decode() for row in rows} == (set(WIKIS) if rows else set())
    first = next(iter(described.records("links")))
    assert first["links/names"] == [
        {"links/names/language": b"en", "links/names/name": b"Sun", "links/names/source": b"langlink"}
    ]


def test_croissant_has_the_checksum_of_every_manifest(corpus) -> None:
    described = json.loads((corpus / CROISSANT).read_text(encoding="utf-8"))
    given = {entry["contentUrl"]: entry["sha256"] for entry in described["distribution"] if "sha256" in entry}
    manifests = {str(path.relative_to(corpus)): path for path in corpus.rglob(MANIFEST)}
    assert given == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in manifests.items()}
    assert len(given) == 12


def test_the_card_contains_the_text_of_the_settings(tables) -> None:
    text = write_and_read_card(tables, title="Ours", note="Not for the faint.", repository="team/ours", published="2026-01-31")
    assert "\n# Ours\n" in text
    assert "\n> Not for the faint.\n" in text
    assert 'load_dataset("team/ours", "names", split="jawiki"' in text
    assert "hf://datasets/team/ours/names/*/*.parquet" in text
    described = json.loads((tables / CROISSANT).read_bytes())
    assert (described["name"], described["datePublished"]) == ("Ours", "2026-01-31")


def test_a_table_without_rows_is_described_but_cannot_be_loaded(tables) -> None:
    text = write_and_read_card(tables)
    head = yaml.safe_load(text.split("---\n")[1])
    assert [config["config_name"] for config in head["configs"]] == ["names"]
    assert "| [`rejects`](#rejects) |" in text
    assert "| eswiki |  |  |  | 0 |  |" in text  # counts of missing tables are empty


def test_the_card_is_reproducible_and_leaves_no_temporary_files(tables) -> None:
    assert write_and_read_card(tables) == write_and_read_card(tables)
    assert {name for name in tables.files() if name.count("/") == 0} == {README, CROISSANT}


def test_the_command_writes_the_same_card_as_the_build(corpus, demo_settings, capsys) -> None:
    before = {name: (corpus / name).read_bytes() for name in (README, CROISSANT)}
    assert write_corpus_card(demo_settings.model_copy(update={"output_dir": str(corpus)})) == 0
    assert {name: (corpus / name).read_bytes() for name in before} == before
    assert README in " ".join(capsys.readouterr().err.split())
