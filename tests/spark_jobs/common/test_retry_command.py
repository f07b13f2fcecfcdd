"""The command that repeats the failed wikis."""

import pytest

from spark_jobs.common.retry_command import retry_command


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ("python -m spark_jobs.download --wikis a,b", "python -m spark_jobs.download --set 'wikis=[a]'"),
        ("/v/bin/python -m spark_jobs.build --config c.yaml", "python -m spark_jobs.build --config c.yaml --set 'wikis=[a]'"),
        ("python x.py --set wikis=[b] --set date=1 -s wikis=[c]", "python x.py --set date=1 --set 'wikis=[a]'"),
        ("python x.py --wikis=b --set=wikis=[c] --set a=b", "python x.py --set a=b --set 'wikis=[a]'"),
    ],
)
def test_the_command_to_retry_names_the_failed_wikis_only(argv: str, expected: str) -> None:
    assert retry_command(["a"], argv.split(), submitted=False) == expected
    assert retry_command(["a"], argv.split(), submitted=True).endswith("with, at its end, --set 'wikis=[a]'")
