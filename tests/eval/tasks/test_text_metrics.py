"""Scores of an answer. The ratios were computed with fuzzywuzzy 0.18, without and with python-Levenshtein."""

import pytest

from eval.tasks.text_metrics import character_f1, exact_match, normalise, reference_f1, squad_match, token_sort_ratio


@pytest.mark.parametrize(
    ("first", "second", "difflib", "levenshtein"),
    [
        ("東芝,NEC", "NEC,東芝", 100, 100),  # rapidfuzz: 50
        ("徳川家康です。", "徳川家康", 80, 80),  # rapidfuzz: 72.7
        ("tide", "diet", 25, 50),
        ("abcd", "bcda", 75, 75),
        ("", "。", 100, 100),
        ("。", "、", 100, 100),
        ("", "x", 0, 0),
        ("é", "e", 0, 0),
        ("é", "", 100, 100),
        ("café", "caf", 100, 100),
        ("a_b", "a b", 67, 67),
        ("Gorilla GORILLA", "gorilla", 64, 64),
        ("1889年", "1889", 89, 89),
        ("富士山", "富士の山", 86, 86),
        ("カリフォルニア州クパチーノ", "クパチーノ", 56, 56),
    ],
)
def test_a_ratio_equals_that_of_fuzzywuzzy(first, second, difflib, levenshtein):
    assert token_sort_ratio(first, second) == difflib
    assert token_sort_ratio(first, second, levenshtein=True) == levenshtein


def test_a_half_is_rounded_as_levenshteins_floats_do():
    regions = "三陸海岸の中部から南部,房総半島南部,若狭湾周辺,紀伊半島東部・南部,山陰海岸,宇和海,日豊海岸"
    prediction = f"{regions},日南海岸中部から南部,浅茅湾（長崎県対馬）,長崎県九十九島"
    assert token_sort_ratio(prediction, "愛知県", levenshtein=True) == 3  # 2.5000000000000022


def test_difflib_treats_letters_of_long_answers_as_junk():
    assert token_sort_ratio("x" * 250 + "y", "y" + "x" * 250) == 0
    assert token_sort_ratio("x" * 250 + "y", "y" + "x" * 250, levenshtein=True) == 100


def test_reference_f1_is_over_nfkc_and_trimmed_text():
    assert reference_f1(" ＮＥＣ ", "NEC") == 1.0
    assert reference_f1("徳川家康です。", "徳川家康") == 0.8


@pytest.mark.parametrize(
    ("prediction", "answers", "match", "f1"),
    [
        ("東京", ["東京都"], 0, 0.8),
        ("東京都。", ["東京都"], 1, 1),
        ("NEC、東芝", ["東芝,NEC"], 1, 1),
        ("", ["東京"], 0, 0),
        ("", [""], 1, 1),
        ("京東", ["東京"], 0, 1),
        ("大阪", ["東京", "大阪"], 1, 1),
        ("あああ", ["あ"], 0, 0.5),
    ],
)
def test_standard_scores_of_an_answer(prediction, answers, match, f1):
    assert exact_match(prediction, answers) == match
    assert character_f1(prediction, answers) == pytest.approx(f1)


def test_normalising_leaves_letters_and_digits():
    assert normalise("「Ｗｈａｔ？」 №１　∑ é") == "whatno1é"


@pytest.mark.parametrize(
    ("prediction", "match"), [("「富士山」", 1), ("富士 山", 0), (" 富士山 ", 1), ("富士山です", 0), ("MT FUJI", 0)]
)
def test_squads_normalisation(prediction, match):
    assert squad_match(prediction, ["富士山"]) == match
