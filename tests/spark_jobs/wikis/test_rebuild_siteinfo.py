import gzip
import json

from spark_jobs.wikis.packaged_data import read_bytes
from spark_jobs.wikis.rebuild_siteinfo import build_table, main


def entry() -> dict:
    spaces = {
        "0": {"name": "", "canonical": "", "aliases": [], "case": "first-letter"},
        "6": {"name": "Bild", "canonical": "File", "aliases": ["Image", "Bild"], "case": "first-letter"},
        "2300": {"name": "Gadget", "canonical": "Gadget", "aliases": [], "case": "case-sensitive"},
    }
    words = {"redirect": ["#R"], "notoc": ["__X__"], "defaultsort": ["SORT:", "并：", "PLAIN"]}
    return {"case": "first-letter", "namespaces": spaces, "magicwords": words}


def test_a_folder_without_the_files_is_refused(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "has no wikis.json and no linktrails.json" in capsys.readouterr().err


def test_the_table_is_compact_and_the_same_each_time():
    data = build_table({"xx": entry(), "mappings": entry()}, {"_default": "[a-z]*"})
    assert data == build_table({"mappings": entry(), "xx": entry()}, {"_default": "[a-z]*"})
    assert json.loads(gzip.decompress(data)) == {
        "xx": {
            "case": "first-letter",
            "case_sensitive": [2300],
            "namespaces": {"6": ["Bild", "File", "Image"], "2300": ["Gadget"]},
            "redirect": ["#R"],
            "switches": ["__X__"],
            "settings": ["SORT", "并", "PLAIN"],
            "link_trail": "[a-z]*",
        }
    }


def test_the_packaged_table_is_what_the_facts_give(shared_data):
    folder = shared_data / "siteinfo"
    wikis, trails = (json.loads((folder / name).read_text(encoding="utf-8")) for name in ("wikis.json", "linktrails.json"))
    assert gzip.decompress(read_bytes("siteinfo.json.gz")) == gzip.decompress(build_table(wikis, trails))
