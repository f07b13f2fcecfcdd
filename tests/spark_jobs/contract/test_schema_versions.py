"""Corpora of other schema versions: a later or earlier minor one is read as it is, another major one is refused in a sentence."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.config import CardSettings, CorpusSettings, RenderSettings
from spark_jobs.contract import table_schemas as tables
from spark_jobs.contract.table_schemas import AUGMENTED, MANIFEST, check_schema_version, read_manifest
from spark_jobs.publishing.publication import Publication
from spark_jobs.publishing.published_tables import find_published
from spark_jobs.reports.cards.card_files import write_card
from spark_jobs.reports.explanation_table import explain_links
from spark_jobs.stages.describe_stage import BUILD_REPORT, write_build_report
from spark_jobs.stages.render_stage import render_corpus
from training.config import DataSettings
from training.data.encoded_corpus import open_corpus

WIKI = "jawiki"
TOKENIZER = "mistral-7b-v0.1"


def rewrite(corpus: Path, target: Path, version: str) -> Path:
    """A corpus as a release with that schema version might have written it: what is new there is a column, a table, a counter, a
    field of the manifest and a key of the files' metadata."""
    for manifest_file in sorted(corpus.rglob(f"wiki={WIKI}/{MANIFEST}")):
        folder = target / manifest_file.parent.relative_to(corpus)
        folder.mkdir(parents=True)
        manifest = json.loads(manifest_file.read_bytes())
        for shard in manifest["shards"]:
            table = pq.read_table(manifest_file.parent / shard["path"], partitioning=None)
            metadata = {**table.schema.metadata, b"leia.schema_version": version.encode(), b"leia.further": b"new"}
            further = pa.array(["new"] * table.num_rows, pa.string())
            table = table.append_column(pa.field("further", pa.string()), further).replace_schema_metadata(metadata)
            pq.write_table(table, folder / shard["path"], compression="zstd", row_group_size=16)
            data = (folder / shard["path"]).read_bytes()
            shard.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), further=1)
        manifest.update(schema_version=version, bytes=sum(shard["bytes"] for shard in manifest["shards"]), further={"new": True})
        manifest["counters"]["further"] = 1
        (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    folder = target / f"sentences/wiki={WIKI}"
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(json.dumps({**manifest, "table": "sentences"}), encoding="utf-8")
    (target / f"encoded/tokenizer={TOKENIZER}/_tokenizer").symlink_to(corpus / f"encoded/tokenizer={TOKENIZER}/_tokenizer")
    return target


@pytest.fixture(scope="module")
def at_version(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function version -> the sample's corpus under that version."""
    made: dict[str, Path] = {}

    def make(version: str) -> Path:
        if version not in made:
            made[version] = rewrite(corpus, tmp_path_factory.mktemp("version"), version)
        return made[version]

    return make


def data_settings(folder: Path, cache: Path) -> DataSettings:
    return DataSettings(corpus=str(folder), tokenizer=TOKENIZER, wikis=(WIKI,), cache=cache)


class TestALaterMinorVersion:
    """Its additions are passed over, and the rest is read."""

    def test_is_read_by_training(self, corpus, at_version, tmp_path) -> None:
        opened, original = (open_corpus(data_settings(folder, tmp_path / "cache")) for folder in (at_version("1.7"), corpus))
        assert opened.wikis[0].documents.num_tokens.tolist() == original.wikis[0].documents.num_tokens.tolist()
        assert opened.wikis[0].read(0).input_ids.tolist()[:100] == original.wikis[0].read(0).input_ids.tolist()[:100]

    def test_is_rendered(self, spark, corpus, at_version, tmp_path) -> None:
        hashes = []
        for folder in (at_version("1.7"), corpus):
            settings = RenderSettings(corpus=str(folder), output_dir=str(tmp_path / folder.name), wikis=[WIKI])
            hashes.append(render_corpus(spark, settings)[WIKI].manifests[0].row_hash)
        assert hashes[0] == hashes[1]

    def test_is_described_and_gets_a_card(self, spark, at_version, demo_settings: CorpusSettings) -> None:
        folder = at_version("1.7")
        write_build_report(spark, demo_settings.model_copy(update={"output_dir": str(folder)}))
        assert "<dd>1.7</dd>" in (folder / BUILD_REPORT).read_text(encoding="utf-8")
        write_card(Location.of(str(folder)), CardSettings())
        card = (folder / "README.md").read_text(encoding="utf-8")
        assert "Schema version 1.7" in card
        assert "sentences" not in card  # what its rows are is not known here

    def test_is_explained(self, at_version, demo_settings: CorpusSettings, capsys) -> None:
        settings = demo_settings.model_copy(update={"output_dir": str(at_version("1.7"))})
        explain_links(settings, WIKI, "水星", "光の速さ", Console(width=200))
        assert "the target is a redirect to a section" in capsys.readouterr().out

    def test_is_made_new_by_a_build(self, corpus, at_version) -> None:
        """A stage keeps what is of its own version only."""

        def current(folder: Path) -> object:
            manifest = read_manifest(folder / "augmented" / f"wiki={WIKI}")
            place = Location.of(str(folder))
            return Publication(place, AUGMENTED, {"wiki": WIKI}, manifest.inputs, manifest.configuration).current()

        assert current(corpus) is not None
        assert current(at_version(tables.SCHEMA_VERSION)) is not None  # written anew, it is the version that counts
        assert current(at_version("1.7")) is None


@pytest.mark.parametrize("version", ["0.9", "2.0"])
class TestAnotherMajorVersion:
    """Every reader names the file, the version found and the version read, before anything is done with the rows."""

    def message(self, version: str) -> str:
        return rf"{MANIFEST} has schema version '{version}'; this code reads 1\.x: rebuild the table, or use the release"

    def test_is_refused_by_the_contract_itself(self, at_version, version) -> None:
        with pytest.raises(ValueError, match=self.message(version)):
            read_manifest(at_version(version) / "augmented" / f"wiki={WIKI}")

    def test_is_refused_by_training(self, at_version, tmp_path, version) -> None:
        with pytest.raises(ConfigurationError, match=self.message(version)):
            open_corpus(data_settings(at_version(version), tmp_path / "cache"))

    def test_is_refused_by_a_stage(self, at_version, demo_settings: CorpusSettings, version) -> None:
        settings = demo_settings.model_copy(update={"output_dir": str(at_version(version))})
        with pytest.raises(ConfigurationError, match=rf"{self.message(version)}.*run the stage 'augment' again"):
            find_published(Location.of(settings.output_dir), AUGMENTED, {"wiki": WIKI}, "augment")

    def test_is_refused_by_render_describe_explain_and_card(self, spark, at_version, demo_settings, tmp_path, version) -> None:
        folder = at_version(version)
        settings = demo_settings.model_copy(update={"output_dir": str(folder)})
        rendering = RenderSettings(corpus=str(folder), output_dir=str(tmp_path / "out"))
        for read in (
            lambda: render_corpus(spark, rendering),
            lambda: write_build_report(spark, settings),
            lambda: explain_links(settings, WIKI, "水星", None, Console(quiet=True)),
            lambda: write_card(Location.of(str(folder)), CardSettings()),
        ):
            with pytest.raises(ConfigurationError, match=self.message(version)):
                read()
        assert not (tmp_path / "out").exists()
        assert {path.name for path in folder.iterdir() if path.is_file()} == set()


def test_a_file_of_another_version_than_its_manifest_is_refused_by_training(at_version, tmp_path) -> None:
    """Files may be copied together; the footer of each is looked at."""
    mixed, other = (at_version("1.7") / f"encoded/tokenizer={TOKENIZER}/pivot=en/wiki={WIKI}", at_version("2.0"))
    target = tmp_path / "corpus" / mixed.relative_to(at_version("1.7"))
    target.mkdir(parents=True)
    manifest = json.loads((mixed / MANIFEST).read_bytes())
    for shard in manifest["shards"]:
        data = (other / mixed.relative_to(at_version("1.7")) / shard["path"]).read_bytes()
        (target / shard["path"]).write_bytes(data)
        shard.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    (target / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"part-00000\.parquet has schema version '2\.0'"):
        open_corpus(data_settings(tmp_path / "corpus", tmp_path / "cache"))


@pytest.mark.parametrize(
    ("ours", "found", "is_read"),
    [
        ("1.0", "1.0", True),
        ("1.0", "1.12", True),
        ("1.3", "1.0", True),
        ("1.3", "1.2", True),
        ("2.0", "1.9", False),
        ("1.0", "2.0", False),
        ("1.0", "10.0", False),
        ("10.0", "1.0", False),
        ("1.0", "0.9", False),
        ("1.0", "", False),
        ("1.0", "one", False),
    ],
)
def test_the_major_version_decides(monkeypatch, ours, found, is_read) -> None:
    monkeypatch.setattr(tables, "SCHEMA_VERSION", ours)
    if is_read:
        check_schema_version(found, "file")
        return
    with pytest.raises(ValueError, match=f"file has schema version '{found}'; this code reads {ours.partition('.')[0]}.x"):
        check_schema_version(found, "file")
