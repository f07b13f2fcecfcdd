"""Errors that every part shares, and how an exception is quoted in a message."""


class ConfigurationError(ValueError):
    """The configuration cannot be used; the message names the key, the value and what is allowed."""


def first_line(error: BaseException | None, limit: int | None = None) -> str:
    r"""The first line of an exception's message, cut to `limit` characters.

    >>> first_line(ValueError("no such file\n  at line 3"))
    'no such file'
    """
    return str(error).strip().partition("\n")[0][:limit]
