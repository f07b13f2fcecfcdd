import gzip
import json

from spark_jobs.wikis.profile_assembly import read_packaged_siteinfo
from spark_jobs.wikis.rebuild_siteinfo import build_siteinfo_table, find_other_link_trails, main


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
    assert "lacks wikis.json and linktrails.json" in capsys.readouterr().err


def test_the_table_is_compact_and_the_same_each_time():
    data = build_siteinfo_table({"xx": entry(), "mappings": entry()})
    assert data == build_siteinfo_table({"mappings": entry(), "xx": entry()})
    assert json.loads(gzip.decompress(data)) == {
        "xx": {
            "case": "first-letter",
            "case_sensitive": [2300],
            "namespaces": {"6": ["Bild", "File", "Image"], "2300": ["Gadget"]},
            "redirect": ["#R"],
            "switches": ["__X__"],
            "settings": ["SORT", "并", "PLAIN"],
        }
    }


def test_only_link_trails_that_differ_from_the_language_files_are_found():
    given = {"cs": "[a-z]*", "_default": "[a-z]*"}
    assert find_other_link_trails(["cs", "en", "commons", "mappings"], given) == {"cs": ("[a-z]*", "[a-záčďéěíňóřšťúůýž]*")}


UPDATED_TRAILS = (
    "anp br cdo ee fat ff fon guc gur hak ik kcg mo nso ny pcm st tn tum tw zh-classical zh-min-nan"  # MediaWiki 1.39 and later
)


def test_the_packaged_data_are_what_the_facts_give(shared_data):
    folder = shared_data / "siteinfo"
    wikis, trails = (json.loads((folder / name).read_text(encoding="utf-8")) for name in ("wikis.json", "linktrails.json"))
    assert read_packaged_siteinfo() == json.loads(gzip.decompress(build_siteinfo_table(wikis)))
    assert list(find_other_link_trails(wikis, trails)) == UPDATED_TRAILS.split()
