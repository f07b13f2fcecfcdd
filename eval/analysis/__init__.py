"""Statistics over results: significance, pairing, verdicts, consistency across languages, links of entities in the corpus.

Import from the modules. Tables, pages and plots are in `report`.
"""
