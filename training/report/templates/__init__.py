"""The template of the run page."""
