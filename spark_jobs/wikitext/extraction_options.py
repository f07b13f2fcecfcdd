"""Options of `extract`, and the budget of work for one page."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Budget:
    """Limits on the work for one page, in deterministic units. Never in time: a slow machine must give the same output."""

    source_characters: int = 1 << 23
    """Length of the wikitext. MediaWiki's limit is 2 MiB; older dumps hold longer pages."""
    text_characters: int = 1 << 23
    """Length of the text."""
    copied_characters: int = 1 << 27
    """Sum of the lengths of the texts that templates leave, level by level."""
    delimiters: int = 1 << 22
    """Runs of braces and brackets."""
    depth: int = 100
    """Nesting of templates, variants or kept tables. Deeper markup stays literal; it is not an error."""


DEFAULT_BUDGET = Budget()


@dataclass(frozen=True)
class Options:
    """Choices of the caller, the same for every page of a build."""

    drop_sections: bool = True
    """Leave out sections whose heading is in `WikiProfile.dropped_sections`."""
    math: Literal["drop", "latex"] = "drop"
    """Formulas: dropped, or kept as LaTeX source between dollar signs."""
    tables: Literal["drop", "text"] = "drop"
    """Tables: dropped, or kept as text, one line per row."""
    budget: Budget = DEFAULT_BUDGET
    """Limits on the work for one page."""


DEFAULT_OPTIONS = Options()
