"""Limits of the operating system that Spark runs into: open files of a process."""

import resource

from spark_jobs.common.errors import ConfigurationError

LEAST_OPEN_FILES = 512
"""Files that the driver of a local session opens: jars, connections to Python workers, shuffles."""
_WANTED_OPEN_FILES = 4096


def choose_open_files(soft: int, hard: int) -> int:
    """The limit on open files to set, given the present one and the most that a process may set (-1 for no limit).

    >>> choose_open_files(20_000, 20_000), choose_open_files(256, 1024), choose_open_files(256, resource.RLIM_INFINITY)
    (20000, 1024, 4096)

    Raises `ConfigurationError` if that is less than Spark needs.
    """
    most = _WANTED_OPEN_FILES if hard == resource.RLIM_INFINITY else hard
    chosen = soft if soft == resource.RLIM_INFINITY or soft >= LEAST_OPEN_FILES else min(most, _WANTED_OPEN_FILES)
    if chosen != resource.RLIM_INFINITY and chosen < LEAST_OPEN_FILES:
        raise ConfigurationError(
            f"a process may open {chosen} files here, and Spark needs at least {LEAST_OPEN_FILES}. Raise the limit with "
            f"`ulimit -n {_WANTED_OPEN_FILES}`; if the shell refuses that, an administrator sets it (nofile in limits.conf)"
        )
    return chosen


def allow_open_files() -> None:
    """Raise this process's limit on open files if it is too low. Raises `ConfigurationError` as `choose_open_files`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if (chosen := choose_open_files(soft, hard)) != soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (chosen, hard))


def explain_open_files() -> str:
    """The message when a process of Spark has as many files open as it may."""
    return (
        f"a process of Spark has opened as many files as it may (Too many open files). Raise the limit with "
        f"`ulimit -n {_WANTED_OPEN_FILES}` or more, here and on the nodes of a cluster, or process fewer wikis at a time "
        "(parallel_wikis), then run the same command again"
    )
