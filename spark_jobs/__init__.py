"""The data engine: Wikipedia dumps to Parquet with names across languages."""
