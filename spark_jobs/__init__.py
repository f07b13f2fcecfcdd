"""The data engine: Wikipedia dumps to Parquet with names across languages."""

import sys

__version__ = "0.1.0"

LEAST_PYTHON = (3, 11, 5)
"""Before, possessive groups of `re` did not match what they should (python/cpython#106052): texts would differ without a sign."""

if sys.version_info < LEAST_PYTHON:
    raise ImportError(
        f"this is Python {sys.version.split()[0]}, whose regular expressions have a fault (python/cpython#106052) that changes "
        f"what is read: 3.11.5 or newer is needed, on the workers of a cluster too ({sys.executable})"
    )
