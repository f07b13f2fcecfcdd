"""How messages about a corpus name its places."""

import pytest

from spark_jobs.common.storage import Location
from training.data.corpus_errors import display_path, list_siblings


@pytest.fixture
def corpus_folder(tmp_path):
    """A folder with two wikis, a hidden folder and a file."""
    for name in ("wiki=jawiki", "wiki=eswiki", "_staging"):
        (tmp_path / "encoded" / name).mkdir(parents=True)
    (tmp_path / "encoded" / "notes.txt").touch()
    return tmp_path / "encoded"


@pytest.mark.parametrize(
    "missing",
    ["wiki=swwiki", "nowhere/wiki=swwiki", "wiki=eswiki/part"],
    ids=["beside others", "in a folder that is missing too", "in an empty folder"],
)
def test_the_folders_beside_a_missing_one_or_beside_its_parent_are_listed_in_order(corpus_folder, missing):
    found = list_siblings(Location.of(str(corpus_folder / missing)))
    assert found == f"wiki=eswiki, wiki=jawiki in {corpus_folder}"


def test_a_local_path_is_shown_plainly_and_a_store_as_a_uri(tmp_path):
    local = Location.of(str(tmp_path))
    assert display_path(local) == str(tmp_path)
    assert display_path(Location(local.filesystem, "bucket/corpus", "s3a://")) == "s3a://bucket/corpus"
