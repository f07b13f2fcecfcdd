"""The data engine: from Wikipedia dumps to Parquet tables with entity names across languages."""

import sys

__version__ = "0.1.0"

LEAST_PYTHON = (3, 11, 5)
"""Earlier versions match possessive quantifiers wrongly (python/cpython#106052), which would change texts silently."""

if sys.version_info < LEAST_PYTHON:
    raise ImportError(
        f"this is Python {sys.version.split()[0]}, whose regular expressions have a bug (python/cpython#106052) that changes the "
        f"extracted text: use 3.11.5 or newer, on the workers of a cluster too ({sys.executable})"
    )
