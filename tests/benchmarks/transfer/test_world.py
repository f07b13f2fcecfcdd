"""The facts of the world, and the sentences about them."""

import pytest


def test_each_answer_is_stated_and_held_out_equally_often(world):
    for relation, facts in world.facts.items():
        held = world.held_out[relation]
        assert len(held) == 8
        for answer in range(2):
            of_it = {city for city, fact in enumerate(facts) if fact == answer}
            assert len(of_it) == 8
            assert len(of_it & held) == 4


def test_the_same_seed_draws_the_same_world_and_another_seed_another(world, load, cities, answers):
    make = load("world").make_world
    assert make("ja", cities, answers, seed=1).facts == world.facts
    assert make("ja", cities, answers, seed=2).facts != world.facts


def test_the_second_language_states_all_facts_but_those_held_out(world, load, answers):
    articles = load("world").language_articles(world, mentions=3, statements=1, seed=1)
    text = [sentence.text(world.names["ja"]) for article in articles for sentence in article]
    for relation in world.facts:
        for city in range(world.cities):
            statement = world.statement(world.language, relation, city).text(world.names["ja"])
            assert text.count(statement) == (0 if city in world.held_out[relation] else 1)
    answers = [word for words in answers.values() for word in words["ja"]]
    assert sum(any(word in sentence for word in answers) for sentence in text) == 16


def test_no_city_is_linked_from_its_own_article_and_each_is_mentioned_equally_often(world, load):
    articles = load("world").language_articles(world, mentions=3, statements=0, seed=1)
    assert all(sentence.city != city for city, article in enumerate(articles) for sentence in article)
    mentioned = [sentence.city for article in articles for sentence in article]
    assert {mentioned.count(city) for city in range(world.cities)} == {3}


def test_english_articles_state_every_fact_once_a_copy_in_different_words(world, load):
    articles = list(load("world").english_articles(world, copies=3, fillers=1, seed=1))
    text = [sentence.text(world.names["en"]) for article in articles for sentence in article]
    for city in range(world.cities):
        forms = [world.statement(world.english, "country", city, form).text(world.names["en"]) for form in range(3)]
        assert len(set(forms)) == 3
        assert [text.count(form) for form in forms] == [1, 1, 1]


def test_popular_cities_have_more_english_articles_and_the_only_first_phase_facts_in_the_other_language(popular, load, cities):
    worlds, wikis = load("world"), load("world_wikis")
    articles = list(worlds.english_articles(popular, copies=2, fillers=0, seed=1))
    count = [sum(article[0].city == city for article in articles) for city in range(popular.cities)]
    assert count == [2 * worlds.POPULAR_FACTOR] * 4 + [2] * 12
    assert all(len({sentence.city for sentence in article}) == 1 for article in articles)
    texts = [wikis.english_text(popular, article) for article in articles]
    assert all(("(" in text) == (article[0].city < 4) for text, article in zip(texts, articles, strict=True))

    foreign = list(worlds.foreign_articles(popular, copies=1, fillers=20, seed=1))
    text = "".join(wikis.foreign_text(popular, article) for article in foreign)
    for relation in popular.facts:
        for city in range(popular.cities):
            statement = popular.statement(popular.language, relation, city).text(popular.both_names(popular.language))
            assert text.count(statement) == (1 if city < 4 else 0)
    assert f"{cities[0][1]} ({cities[0][0]})" in text


@pytest.mark.parametrize("language", ["ar", "ja", "ru"])
def test_a_question_is_the_beginning_of_the_statement_that_trains_its_template(language, load, cities, answers):
    worlds = load("world")
    cities = [(english, english.upper()) for english, _ in cities]
    translated = {relation: {"en": words["en"], language: words["ja"]} for relation, words in answers.items()}
    world = worlds.make_world(language, cities, translated, seed=1)
    for code, spoken in ((language, world.language), ("en", world.english)):
        for relation in world.facts:
            name = world.names[code][3]
            statement = world.statement(spoken, relation, 3).text(world.names[code])
            answer = world.answers[relation][code][world.facts[relation][3]]
            assert statement.startswith(world.question(spoken, relation, name) + spoken.space + answer)


def test_all_languages_have_the_same_relations_and_placeholders(load):
    worlds = load("world")
    relations = worlds.read_language("en").statements.keys()
    assert worlds.known_languages() == sorted(load("real_names").WORDS)
    for code in ["en", *worlds.known_languages()]:
        spoken = worlds.read_language(code)
        assert spoken.statements.keys() == relations
        assert all(form.count("{city}") == form.count("{object}") == 1 for forms in spoken.statements.values() for form in forms)
        assert all(form.count("{city}") == 1 and "{object}" not in form for form in spoken.fillers)
