"""One YAML file per language with all that differs there; `shared.yaml` documents the format. Data only, no code."""
