"""Errors for a dump file that belongs to another wiki than its name says."""

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.dumps.sql.database_name import read_database
from spark_jobs.wikis import SiteInfo, load_profile


def refuse_table_of_other_wiki(table: Location, wiki: str) -> None:
    """Raise `ConfigurationError` if the head of a SQL table names the database of another wiki.

    Most page ids of another wiki exist here too, so a join with its table would give wrong rows without an error.
    """
    with table.open() as opened:
        database = read_database(opened, table.name)
    if database in (None, wiki):
        return
    try:
        load_profile(database)
    except ValueError:  # not a known wiki: a repacked table may have any database name
        return
    raise ConfigurationError(f"{table.path} names {database!r} as its wiki, not {wiki!r}: check the file's name")


def refuse_dump_of_other_wiki(siteinfo: SiteInfo, wiki: str, name: str) -> None:
    """Raise `ConfigurationError` if the head of the dump file `name` names another wiki. Old dumps name none."""
    if siteinfo.wiki and siteinfo.wiki != wiki:
        raise ConfigurationError(f"{name} names {siteinfo.wiki!r} as its wiki, not {wiki!r}: check the file's name")
