"""The values that the optional files of a dump add."""

from spark_jobs.extraction.optional_files import add_template_redirects
from spark_jobs.wikis import load_profile

WIKI = "eswiki"


def test_only_redirects_to_templates_with_a_rule_are_kept() -> None:
    profile = add_template_redirects(load_profile(WIKI), {"Lengua": "Lang", "Otra_cosa": "Nada", "A": "B", "B": "A"})
    assert profile.template_redirects == {"Lengua": "Lang"}
