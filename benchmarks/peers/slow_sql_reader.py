"""Read the rows of a mysqldump file one character at a time: slow, and short enough to check by reading it.

This reference shares no code with the reader of `spark_jobs`; tests and benchmarks compare other readers with it. It supports the
values in Wikimedia's dumps: quoted strings, numbers and NULL.
"""

_ESCAPES = {"0": 0, "b": 8, "n": 10, "r": 13, "t": 9, "Z": 26}
_INSERT, _VALUES = b"INSERT INTO ", b"VALUES"

Row = tuple[str | float | None, ...]


def read_slowly(data: bytes) -> list[Row]:
    r"""Returns every row of every `INSERT`: text as str, numbers as floats, NULL as None.

    >>> read_slowly(rb"INSERT INTO `t` VALUES (1,'a),(b','O\'x'),(-0.5,NULL,'');")
    [(1.0, 'a),(b', "O'x"), (-0.5, None, '')]
    """
    rows: list[Row] = []
    position = 0
    while (position := data.find(_INSERT, position)) >= 0:
        position = data.index(_VALUES, position) + len(_VALUES)
        while data[position : position + 1] != b";":
            if chr(data[position]) == "(":
                row, position = _read_row(data, position)
                rows.append(row)
            else:
                position += 1  # a space or a comma
    return rows


def _read_row(data: bytes, position: int) -> tuple[Row, int]:
    """Returns the row whose `(` is at `position`, and the position after its `)`."""
    row: list[str | float | None] = []
    while chr(data[position]) != ")":
        position += 1
        if chr(data[position]) == "'":
            text, position = _read_text(data, position + 1)
            row.append(text.decode("utf-8", errors="replace"))
        else:
            start = position
            while chr(data[position]) not in ",)":
                position += 1
            word = data[start:position]
            row.append(None if word == b"NULL" else float(word))
    return tuple(row), position + 1


def _read_text(data: bytes, position: int) -> tuple[bytes, int]:
    """Returns the bytes of the string that starts at `position`, after its quote, and the position after the closing quote."""
    text = bytearray()
    while True:
        character = chr(data[position])
        if character == "\\":
            position += 1
            text.append(_ESCAPES.get(chr(data[position]), data[position]))
        elif character == "'" and chr(data[position + 1]) != "'":
            return bytes(text), position + 1
        else:
            position += character == "'"  # a doubled quote
            text.append(data[position])
        position += 1
