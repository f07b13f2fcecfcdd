"""Options of `extract`, and the budget of work for one page."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Budget:
    """The work that one page may cost, in deterministic units; never time, so that a slow machine gives the same output."""

    source_characters: int = 1 << 23
    """Length of the wikitext. MediaWiki's own limit is 2 MiB; older dumps hold pages above it."""
    text_characters: int = 1 << 23
    """Length of the text, and of any step towards it."""
    copied_characters: int = 1 << 27
    """Sum of the lengths of what templates leave, level by level."""
    delimiters: int = 1 << 22
    """Runs of braces and brackets."""
    depth: int = 100
    """Templates within templates. Deeper braces are taken literally, no error."""


DEFAULT_BUDGET = Budget()


@dataclass(frozen=True)
class Options:
    """What a caller may choose; the same for every page of a build."""

    drop_sections: bool = True
    """Leave out sections whose heading is in `WikiProfile.dropped_sections`."""
    math: Literal["drop", "latex"] = "drop"
    """Formulas: left out, or kept as their LaTeX source between dollar signs."""
    tables: Literal["drop", "text"] = "drop"
    """Tables: left out, or kept as text, a row a line."""
    budget: Budget = DEFAULT_BUDGET
    """Work that one page may cost."""


DEFAULT_OPTIONS = Options()
