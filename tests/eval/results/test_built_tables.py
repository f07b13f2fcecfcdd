"""Manifests of a corpus: published, unpublished and damaged."""

import json
import shutil

import pytest

from eval.report.summary_inputs import read_summary_inputs
from eval.report.summary_report import write_summary
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.contract.manifest import MANIFEST


def test_unpublished_folders_are_left_out(make_summary_settings, demo):
    staging = demo / "corpus" / "_staging" / "augmented" / "wiki=frwiki"
    shutil.copytree(demo / "corpus" / "augmented" / "wiki=jawiki", staging)
    folders = [folder.name for folder, _ in read_summary_inputs(make_summary_settings()).manifests]
    assert folders == ["wiki=arwiki", "wiki=jawiki"]


@pytest.mark.parametrize("content", ["{", "{}", "schema"])
def test_a_damaged_manifest_or_one_of_another_major_version_is_refused(make_summary_settings, demo, content):
    path = demo / "corpus" / "augmented" / "wiki=jawiki" / MANIFEST
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"schema_version": "99.0"}) if content == "schema" else content)
    with pytest.raises(ConfigurationError, match=r"^corpus: .*build .* again") as error:
        write_summary(make_summary_settings())
    assert str(path) in str(error.value)
