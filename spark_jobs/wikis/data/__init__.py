"""Packaged data about wikis, read through `importlib.resources`; see the modules beside this folder for what each file means."""
