"""The data engine: Wikipedia dumps to Parquet with names across languages."""

__version__ = "0.1.0"
