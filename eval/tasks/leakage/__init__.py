"""Checks whether the tags around inserted names appear in the text that a model writes."""
