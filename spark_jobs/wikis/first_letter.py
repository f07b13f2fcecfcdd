"""The first letter of a title in upper case, as MediaWiki writes it, which differs from `str.upper()`.

On a wiki with the case rule `first-letter`, `[[apple]]` and `[[Apple]]` are one page. MediaWiki maps one code point to one code
point. Python's `upper` maps ß to SS, ŉ to ʼN and Georgian ა to the Mtavruli letter Ა, and knows case pairs that are younger than
Wikipedia's titles. Wikimedia leaves all of these unchanged (`$wgOverrideUcfirstCharacters`), and so does this module. In
Turkish, Azerbaijani and Karakalpak, i becomes İ.
"""

_UNCHANGED_RANGES = (
    (0x01C5, 0x01C5),  # ǅ ǈ ǋ ǲ are title case already
    (0x01C8, 0x01C8),
    (0x01CB, 0x01CB),
    (0x01F2, 0x01F2),
    (0x0345, 0x0345),  # combining iota subscript
    (0x10D0, 0x10FF),  # Georgian: Mtavruli capitals are not used in titles
    (0x13F8, 0x13FD),  # Cherokee small letters: titles are written with the older letters
    (0xAB70, 0xABBF),
    (0x1C80, 0x1C88),  # historic Cyrillic variants
    (0x1F80, 0x1FAF),  # Greek with iota subscript: the upper case is a title-case letter
)


def upper_first(text: str, dotted_i: bool = False) -> str:
    """`text` with its first letter in upper case; with `dotted_i`, the capital of i is İ.

    >>> upper_first("ørsted"), upper_first("straße"), upper_first("ßäß"), upper_first("აბა"), upper_first("izmir", dotted_i=True)
    ('Ørsted', 'Straße', 'ßäß', 'აბა', 'İzmir')
    """
    first = text[:1]
    if "a" <= first <= "z":
        return ("İ" if dotted_i and first == "i" else first.upper()) + text[1:]
    if first < "\x80":
        return text
    upper = first.upper()
    if len(upper) != 1 or upper == first or _is_unchanged(ord(first)):
        return text
    return upper + text[1:]


def _is_unchanged(code_point: int) -> bool:
    return any(low <= code_point <= high for low, high in _UNCHANGED_RANGES)
