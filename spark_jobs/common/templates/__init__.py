"""The style sheet that all HTML pages include."""
