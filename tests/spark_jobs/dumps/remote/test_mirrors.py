"""Known mirrors and addresses."""

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings
from spark_jobs.config import CorpusSettings
from spark_jobs.dumps.remote.mirrors import find_mirror, known_mirrors


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("wikimedai", "neither a known mirror (wikimedia, accum, c3sl, your.org)"),
        ("ftp://x/", "nor an address"),
        ("https://", "nor an address"),
        ("https://x/?a", "nor an address"),
    ],
)
def test_an_unknown_mirror_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_settings(CorpusSettings, None, ["wikis=[jawiki]", f"download.mirror={text}"])
    assert reason in str(error.value)


def test_mirrors_have_a_source_and_use_https() -> None:
    for name, about in known_mirrors().items():
        assert about["url"].startswith("https://"), name
        assert not about["url"].endswith("/"), name
        assert about["source"].startswith("https://"), name
        assert 1 <= about["connections"] <= 3, name
        assert find_mirror(name).warning is None
    assert "checksums" in (find_mirror("http://mirror.example").warning or "")
    with pytest.raises(ConfigurationError, match="3 is more than the 2 at a time"):
        load_settings(CorpusSettings, None, ["wikis=[jawiki]", "download.connections=3"])
