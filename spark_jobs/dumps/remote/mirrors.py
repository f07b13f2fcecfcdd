"""Servers of dumps: those known by name (`mirrors.yaml`), or any by its address."""

from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from spark_jobs.common.packaged_yaml import read_packaged_yaml

_CONNECTIONS = 2
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Mirror:
    """A server of dumps."""

    url: str
    """Address of the folder that holds a folder for each wiki, without a slash at its end."""
    connections: int
    """Connections that a client may hold at once."""
    warning: str | None = None
    """A reason not to use it, or None."""


@cache
def known_mirrors() -> dict[str, dict[str, Any]]:
    """Name -> url, connections, location, and the source of these values."""
    mirrors: dict[str, dict[str, Any]] = read_packaged_yaml("spark_jobs.dumps.remote", "mirrors.yaml")
    return mirrors


def find_mirror(text: str) -> Mirror:
    """The mirror with that name or address.

    >>> find_mirror("wikimedia").url
    'https://dumps.wikimedia.org'

    Raises ValueError for an unknown name and for an address other than http or https.
    """
    if (known := known_mirrors().get(text)) is not None:
        return Mirror(known["url"], known["connections"])
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is neither a known mirror ({', '.join(known_mirrors())}) nor an address, https://HOST/PATH")
    plain = parts.scheme == "http" and parts.hostname not in _LOOPBACK
    warning = "files sent over http can be changed on the way, and their checksums too; https is better" if plain else None
    return Mirror(text.rstrip("/"), _CONNECTIONS, warning)
