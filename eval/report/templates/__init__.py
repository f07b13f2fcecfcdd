"""Templates of the pages, read through `importlib.resources`."""
