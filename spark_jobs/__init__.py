"""The data engine: converts Wikipedia dumps into Parquet tables whose links have names in other languages.

The modules here are commands, one per stage or tool, and their settings, `config`. Nothing imports a command; import from the
packages. Outsiders use `spark_jobs.wikitext.extract`, `spark_jobs.wikis.load_profile`, `spark_jobs.dumps.sql.read_table` and
`spark_jobs.sources.register`.
"""

import sys

__version__ = "0.1.0"

LEAST_PYTHON = (3, 11, 5)
"""In earlier versions possessive groups of `re` match wrongly (python/cpython#106052), which would silently change texts."""

if sys.version_info < LEAST_PYTHON:
    raise ImportError(
        f"this is Python {sys.version.split()[0]} ({sys.executable}), whose regular expressions match wrongly "
        "(python/cpython#106052): 3.11.5 or newer is needed, on the workers of a cluster too"
    )
