"""The console that the data engine logs to: standard error, so that standard output stays free for results."""

from rich.console import Console

console = Console(stderr=True)
