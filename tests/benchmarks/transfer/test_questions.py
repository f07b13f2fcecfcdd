"""The questions of the experiment."""

import doctest


def test_examples_in_docstrings_hold(load):
    assert doctest.testmod(load("questions")).failed == 0


def test_popular_cities_are_not_asked_for(popular, load):
    for items in load("questions").make_questions(popular, candidates=2, count=16, seed=1).values():
        assert items
        assert not {item["id"].split("/")[1] for item in items} & set(popular.names["en"][:4])


def test_questions_of_one_fact_have_one_id_and_the_same_right_candidate(world, load, answers):
    asked = load("questions").make_questions(world, candidates=2, count=3, seed=1)
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
        assert own["choices"][own["gold"]] == answers[relation]["ja"][world.facts[relation][city]]
        assert english["choices"][english["gold"]] == answers[relation]["en"][world.facts[relation][city]]
        assert f"{world.names['ja'][city]}<translate> {name}</translate>" in beside["context"]
        assert name in in_place["context"]
        assert world.names["ja"][city] not in in_place["context"]
    for item in asked["stated"]:
        relation, name = item["id"].split("/")
        assert world.names["en"].index(name) not in world.held_out[relation]


def test_every_kind_of_question_has_a_task_in_every_language(load):
    from eval.tasks.task_catalogue import read_catalogue, tasks_folder

    catalogue, asked = read_catalogue(tasks_folder()), load("questions")
    for language in load("world").known_languages():
        for kind in asked.KINDS:
            found = catalogue[asked.task_name(kind, language)]
            assert found.language == ("en" if kind == "source" else language)
            space = load("world").read_language(found.language).space
            assert found.config["target_delimiter"] == space
