"""Scores of a short answer: pure functions of strings.

There are two families, which are never mixed. `standard`: exact match and character F1 after normalisation. `reference`: the
measure that llm-jp-eval 1.0, and with it the paper, calls char_f1: fuzzywuzzy's `token_sort_ratio` over 100. It is not an F1, and
libraries give different values for it:

    prediction, answer                 fuzzywuzzy   rapidfuzz
    "東芝,NEC", "NEC,東芝"              100          50       (the comma separates tokens, which are sorted)
    "徳川家康です。", "徳川家康"          80           72.7     (punctuation is dropped, the score rounded)

fuzzywuzzy measures with difflib, or with python-Levenshtein if that is installed, and the two differ too ("abcd" and
"bcda": 75 and 75, but "tide" and "diet": 25 and 50). It is unknown which one the paper's environment had, so both are reported.
"""

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"\W")
_LATIN_1 = dict.fromkeys(range(128, 256))
"""Characters that fuzzywuzzy's `force_ascii`, on by default, removes: é and ü, but not those of other scripts."""


def normalise(text: str) -> str:
    """`text` in NFKC, case folded, without punctuation, symbols and spaces.

    >>> normalise(" 「ＮＥＣ」 です。")
    'necです'
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if unicodedata.category(letter)[0] not in "PSZC")


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1 if the prediction equals one of the answers, both normalised; the parts of a list may be in any order.

    >>> exact_match("NEC、東芝", ["東芝,NEC"])
    1.0
    """
    return float(_parts(prediction) in [_parts(answer) for answer in answers])


def _parts(text: str) -> list[str]:
    return sorted(filter(None, map(normalise, re.split(r"[,、，]", text))))


def character_f1(prediction: str, answers: Sequence[str]) -> float:
    """The largest F1 of the characters of prediction and answer, both normalised, as multisets.

    >>> character_f1("徳川家康です", ["徳川家康"])
    0.8
    """
    return max(_f1(normalise(prediction), normalise(answer)) for answer in answers)


def _f1(prediction: str, answer: str) -> float:
    common = (Counter(prediction) & Counter(answer)).total()
    return 2 * common / (len(prediction) + len(answer)) if common else float(prediction == answer)


def token_sort_ratio(first: str, second: str, *, levenshtein: bool = False) -> int:
    """Fuzzywuzzy 0.18's score of two strings, 0 to 100.

    As documented there: Latin-1 letters beyond ASCII are removed, every character except letters, digits and underscores becomes
    a space, the rest is lower-cased and split; the sorted tokens are joined and compared. Equal strings give 100, also two empty
    ones; an empty string against another gives 0. The ratio is twice the matching characters over all characters: those of
    difflib's matching blocks, or with `levenshtein` those of the longest common subsequence, as python-Levenshtein counts.

    >>> token_sort_ratio("東芝,NEC", "NEC,東芝"), token_sort_ratio("徳川家康です。", "徳川家康")
    (100, 80)
    """
    one, two = (" ".join(sorted(_WORD.sub(" ", text.translate(_LATIN_1)).lower().split())) for text in (first, second))
    if first == second or one == two:
        return 100
    if not one or not two:
        return 0
    if levenshtein:
        total = len(one) + len(two)
        return round(100 * (1 - (total - 2 * _common_subsequence(one, two)) / total))  # rounds as python-Levenshtein does
    return round(100 * difflib.SequenceMatcher(None, one, two).ratio())


def _common_subsequence(first: str, second: str) -> int:
    """Length of the longest common subsequence; uses one row of memory."""
    row = [0] * (len(second) + 1)
    for letter in first:
        diagonal = 0
        for place, other in enumerate(second, start=1):
            diagonal, row[place] = row[place], diagonal + 1 if letter == other else max(row[place], row[place - 1])
    return row[-1]


def reference_f1(prediction: str, answer: str, *, levenshtein: bool = False) -> float:
    """llm-jp-eval 1.0's char_f1: `token_sort_ratio` over 100 of both strings, in NFKC and trimmed."""
    one, two = (unicodedata.normalize("NFKC", text).strip() for text in (prediction, answer))
    return token_sort_ratio(one, two, levenshtein=levenshtein) / 100


def squad_match(prediction: str, answers: Sequence[str]) -> float:
    """1 if the prediction equals one of the answers after SQuAD's normalisation: lower case, no punctuation, trimmed.

    >>> squad_match("「富士山」", ["富士山"])
    1.0
    """
    return float(_squad(prediction) in [_squad(answer) for answer in answers])


def _squad(text: str) -> str:
    kept = "".join(letter for letter in text.lower() if unicodedata.category(letter)[0] != "P")
    return " ".join(kept.split())
