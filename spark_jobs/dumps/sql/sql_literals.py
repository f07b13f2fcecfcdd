"""MySQL's literals of text as the bytes that they mean (https://dev.mysql.com/doc/refman/8.0/en/string-literals.html)."""

import re

_ESCAPE = re.compile(rb"\\(.)|''", re.DOTALL)
_ESCAPED = {b"0": b"\0", b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"Z": b"\x1a", b"%": rb"\%", b"_": rb"\_"}


def unescape_string(text: bytes) -> bytes:
    r"""Resolve the escapes of a MySQL string literal, given without its outer quotes.

    >>> unescape_string(rb"O\'Brien ''x'' \\ 100\%"), unescape_string(rb"104-2,3,(6),(7),11")
    (b"O'Brien 'x' \\ 100\\%", b'104-2,3,(6),(7),11')
    """
    return _ESCAPE.sub(lambda match: b"'" if match[1] is None else _ESCAPED.get(match[1], match[1]), text)


def read_literal(literal: bytes) -> bytes:
    r"""The value of a whole literal of a text column.

    >>> read_literal(rb"_binary 'O\'Brien'"), read_literal(b"0x4F4B"), read_literal(b"x'4F4B'")
    (b"O'Brien", b'OK', b'OK')
    """
    if literal[:1] == b"0":
        digits = literal[2:].decode()
        return bytes.fromhex("0" * (len(digits) % 2) + digits)
    if literal[:1] in b"xX":
        return bytes.fromhex(literal[2:-1].decode())
    return unescape_string(literal[literal.index(b"'") + 1 : -1])
