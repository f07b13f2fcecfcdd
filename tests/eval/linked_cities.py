"""Entities of city questions, and links of a corpus to some of them."""

ENTITIES = [
    {"entity": "カイロ", "english": "Cairo", "population": 9_000_000},
    {"entity": "リヨン", "english": "Lyon", "population": 500_000},
    {"entity": "ギーザ", "english": "Giza", "population": 4_000_000},
    {"entity": "パリ", "english": "Paris", "population": 2_000_000},
]


def link(surface, *names):
    named = [{"language": language, "name": name, "source": "langlink"} for language, name in names]
    return {"page_id": 1, "start": 0, "end": len(surface), "surface": surface, "target_page_id": None, "names": named}


LINKED = [
    link("カイロ市", ("en", "Cairo")),
    link("カイロ", ("en", "Cairo"), ("fr", "Le Caire")),
    link("カイロ"),
    link("リヨン"),
    link("リヨン", ("fr", "Lyon")),  # no English name: nothing to insert
    link("パリ", ("en", "Paris, Texas")),  # another city of that surface
    link("川", ("en", "River")),
]
