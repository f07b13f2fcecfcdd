"""The template of the contract page."""
