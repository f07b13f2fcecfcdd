"""The version of the data contract, and the rule for accepting a table. docs/reference/tables.md lists the allowed changes."""

from spark_jobs.common.errors import ConfigurationError

SCHEMA_VERSION = "1.0"
"""`MAJOR.MINOR`, written to every file and every manifest."""


def check_schema_version(found: str, where: str) -> None:
    """Accept any minor version of this major version; `where` names the file in the message.

    Raises `ConfigurationError` for another major version.
    """
    if found.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
        raise ConfigurationError(
            f"{where} has schema version {found!r}; this code reads {SCHEMA_VERSION.partition('.')[0]}.x: "
            "rebuild the table, or use the release that wrote it"
        )
