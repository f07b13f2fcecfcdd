"""The template of the model card."""
