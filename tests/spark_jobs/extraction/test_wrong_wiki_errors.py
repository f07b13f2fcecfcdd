"""Dump files of another wiki than their names say are refused."""

from pathlib import Path

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.extraction.wrong_wiki_errors import refuse_dump_of_other_wiki, refuse_table_of_other_wiki
from spark_jobs.wikis import SiteInfo

HEAD = "-- MySQL dump 10.19\n--\n-- Host: 10.64.0.1    Database: {}\n"


@pytest.mark.parametrize("database", ["elwiki", "my_copy", ""], ids=["the wiki", "an unknown database", "no database"])
def test_a_table_that_does_not_name_another_wiki_is_accepted(tmp_path: Path, database: str) -> None:
    (tmp_path / "x.sql").write_text(HEAD.format(database) if database else "CREATE TABLE `t` (`a` int);\n")
    refuse_table_of_other_wiki(Location.of(str(tmp_path / "x.sql")), "elwiki")


def test_a_table_that_names_another_wiki_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.sql").write_text(HEAD.format("jawiki"))
    with pytest.raises(ConfigurationError, match=r"/x\.sql names 'jawiki' as its wiki, not 'elwiki': check the file's name"):
        refuse_table_of_other_wiki(Location.of(str(tmp_path / "x.sql")), "elwiki")


def test_a_head_that_names_another_wiki_is_refused() -> None:
    def head(wiki: str) -> SiteInfo:
        return SiteInfo(wiki, None, "", "first-letter", ())

    refuse_dump_of_other_wiki(head("elwiki"), "elwiki", "x.xml")
    refuse_dump_of_other_wiki(head(""), "elwiki", "x.xml")  # old dumps name no wiki
    with pytest.raises(ConfigurationError, match=r"x\.xml names 'jawiki' as its wiki, not 'elwiki'"):
        refuse_dump_of_other_wiki(head("jawiki"), "elwiki", "x.xml")
