"""The error of a command that cannot use its configuration or input, and the first line of any error for messages."""


class ConfigurationError(ValueError):
    """The configuration or an input cannot be used. The message names the key or file, the value and the remedy."""


def first_line(error: BaseException | None, limit: int | None = None) -> str:
    r"""The first line of an exception's message, cut to `limit` characters.

    >>> first_line(ValueError("no such file\n  at line 3"))
    'no such file'
    """
    return str(error).strip().partition("\n")[0][:limit]
