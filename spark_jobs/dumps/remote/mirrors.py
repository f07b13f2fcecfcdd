"""Servers of dumps: those that are known by name (`mirrors.yaml`), or any by its address."""

import importlib.resources
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import yaml

_CONNECTIONS = 2
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Mirror:
    """A server of dumps."""

    url: str
    """Address of the folder that holds a folder for each wiki; without a slash at its end."""
    connections: int
    """How many connections a client may hold at once."""
    warning: str | None = None
    """What speaks against it, in words."""


@cache
def known_mirrors() -> dict[str, dict[str, Any]]:
    """Name -> url, connections, where it stands, and where that was read."""
    text = (importlib.resources.files("spark_jobs.dumps.remote") / "mirrors.yaml").read_text(encoding="utf-8")
    mirrors: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return mirrors


def mirror_of(text: str) -> Mirror:
    """The mirror of that name or address.

    >>> mirror_of("wikimedia").url
    'https://dumps.wikimedia.org'

    Raises ValueError for a name that is not known and for an address that is none of the web.
    """
    if (known := known_mirrors().get(text)) is not None:
        return Mirror(known["url"], known["connections"])
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is neither a known mirror ({', '.join(known_mirrors())}) nor an address, https://HOST/PATH")
    plain = parts.scheme == "http" and parts.hostname not in _LOOPBACK
    warning = "what comes over http can be changed on its way, the checksums with it; https is better" if plain else None
    return Mirror(text.rstrip("/"), _CONNECTIONS, warning)
