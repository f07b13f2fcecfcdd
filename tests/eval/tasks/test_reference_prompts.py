"""The paper's scoring in its details: the first token, the tokenisation of pairs, the drawing of examples."""

import itertools
import json
import random
import re

import pytest

from eval.config import EvalSettings
from eval.results.evaluation_results import read_results
from eval.results.item_records import read_records
from eval.scoring.evaluation_run import evaluate_model
from eval.scoring.lm_eval_tasks import load_tasks
from eval.scoring.task_requests import request_tasks
from eval.tasks.reference_prompts import Recipe, draw_examples, make_prompts
from eval.tasks.task_catalogue import read_catalogue, tasks_folder
from spark_jobs.common.errors import ConfigurationError

from ..scoring.numpy_llama import NumpyLlama

EOS = 2


@pytest.fixture(scope="module")
def language_model(tiny_model):
    from eval.scoring.language_model import load_language_model

    return load_language_model(EvalSettings(model=tiny_model, tasks=["t"], output_dir="o", device="cpu"))


def pieces(model, scoring, context, continuation):
    model.scoring = scoring
    return [model.tokenizer.convert_ids_to_tokens(ids) for ids in model.encode_pair(context, continuation)]


@pytest.mark.parametrize(
    ("scoring", "context", "continuation", "expected"),
    [
        ("standard", "", "Ducks", [["<s>"], ["▁D", "ucks"]]),
        ("reference", "", "Ducks", [["</s>"], ["▁D", "ucks"]]),
        ("standard", "Answer:", " town", [["<s>", "▁Answer", ":"], ["▁town"]]),
        ("reference", "Answer:", " town", [["▁Answer", ":"], ["▁", "▁town"]]),  # SentencePiece adds a space
        ("standard", "回答：", "日本", [["<s>", "▁", "回", "答", "："], ["日", "本"]]),
        ("reference", "回答：", "日本", [["▁", "回", "答", "："], ["▁", "日", "本"]]),
        ("reference", "Answer:", "", [["▁Answer", ":"], []]),
        ("standard", "", "<s>Ducks", [["<s>"], ["▁D", "ucks"]]),  # one BOS, not two
        ("reference", "", "</s>Ducks", [["</s>"], ["</s>", "▁D", "ucks"]]),  # the original does not inspect the text
    ],
)
def test_the_first_token_and_the_split_of_a_pair(language_model, scoring, context, continuation, expected):
    assert pieces(language_model, scoring, context, continuation) == expected


ITEMS = [{"q": f"q{number}", "text": str(number)} for number in range(6)]
RECIPE = {"question": "{q}:", "answer": " {text}", "delimiter": "\n\n"}


def test_examples_are_drawn_in_shuffled_order_from_the_scored_items_and_never_the_item_itself():
    """A second implementation: one generator; shuffle; then a draw for each item in that order."""
    generator = random.Random(42)
    order = list(range(6))
    generator.shuffle(order)
    expected = {}
    for place in order:
        drawn = generator.sample(ITEMS, 3)
        expected[place] = [example for example in drawn if example is not ITEMS[place]][:2]
    found = draw_examples(ITEMS, [], Recipe(draw="shuffled", **RECIPE), 2, 42)
    assert found == [expected[place] for place in range(6)]
    assert order != sorted(order)
    assert all(item not in examples and len(examples) == 2 for item, examples in zip(ITEMS, found, strict=True))


def test_the_draw_for_seed_42_does_not_change():
    drawn = [(1, 4), (5, 0), (4, 3), (1, 5), (0, 5), (4, 1)]
    expected = [f"q{one}: {one}\n\nq{two}: {two}\n\nq{item}:" for item, (one, two) in enumerate(drawn)]
    assert make_prompts(ITEMS, [], Recipe(draw="shuffled", **RECIPE), 2, 42) == expected


def test_an_item_that_equals_the_scored_one_is_left_out_too():
    twins = [{"q": "same", "text": "1"}, {"q": "same", "text": "1"}, {"q": "other", "text": "2"}]
    found = draw_examples(twins, [], Recipe(draw="shuffled", **RECIPE), 2, 42)
    assert found[0] == found[1] == [twins[2]]  # one example short, as in the original


def test_fixed_examples_are_the_first_of_the_other_split():
    assert draw_examples(ITEMS[:2], ITEMS[2:], Recipe(draw="first", **RECIPE), 2, 42) == [ITEMS[2:4]] * 2


def test_a_count_is_ignored_by_a_recipe_without_examples():
    assert make_prompts(ITEMS[:1], [], Recipe(draw="none", **RECIPE), 4, 42) == ["q0:"]


def test_too_many_examples_are_refused():
    with pytest.raises(ValueError, match="num_fewshot: 6 examples cannot be drawn from 6 items"):
        draw_examples(ITEMS, [], Recipe(draw="shuffled", **RECIPE), 6, 42)


def test_perplexity_of_whole_texts_is_refused_with_the_reason_and_the_remedy(language_model):
    with pytest.raises(
        NotImplementedError, match=r"of 2 texts were requested: .* does not compute perplexity; .* plain `lm-eval run"
    ):
        language_model.loglikelihood_rolling(["a", "b"])


@pytest.mark.parametrize("name", ["xcsqa_ja_reference", "xcodah_en_reference"])
def test_plain_lm_eval_is_refused_with_the_reason(name, xcsr):
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(tasks_folder()), include_defaults=False, metadata={"data_dir": str(xcsr)})
    with pytest.raises(ValueError, match=re.escape("reference scoring runs through `python -m eval.run` only")):
        manager.load([name])


def run(model, data_dir, output_dir, tasks, **options):
    values = {"device": "cpu", "batch_size": 7} | options
    evaluate_model(EvalSettings(model=model, tasks=tasks, data_dir=data_dir, output_dir=output_dir, **values))
    return read_results(output_dir)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("tag", ["xcodah", "xcsqa"])
def test_every_candidate_has_the_log_likelihood_of_a_second_implementation(tag, language, tiny_model, xcsr, tmp_path):
    from tokenizers import Tokenizer

    task = f"{tag}_{language}_reference"
    results = run(tiny_model, xcsr, tmp_path, [task], num_fewshot=2)
    llama, tokenizer = NumpyLlama(tiny_model), Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    name = {"xcodah": "X-CODAH", "xcsqa": "X-CSQA"}[tag]
    rows = [json.loads(line) for line in (xcsr / name / {"en": "en", "ja": "jap"}[language] / "dev.jsonl").open()]

    def question(row):
        return f"Question: {row['question']['stem']}\nAnswer:"

    def correct_choice(row):
        return row["question"]["choices"]["ABCDE".index(row["answerKey"])]["text"]

    generator, order, drawn = random.Random(42), list(range(6)), {}
    generator.shuffle(order)
    for place in order:
        if tag == "xcsqa":
            drawn[place] = [row for row in generator.sample(rows, 3) if row["id"] != rows[place]["id"]][:2]
    for place, record in enumerate(read_records(tmp_path, task)):
        row, expected = rows[place], []
        for choice in row["question"]["choices"]:
            if tag == "xcodah":
                context, text = [EOS], choice["text"]
            else:
                prompt = "".join(f"{question(example)} {correct_choice(example)}\n\n" for example in drawn[place]) + question(row)
                context, text = tokenizer.encode(prompt, add_special_tokens=False).ids, f" {choice['text']}"
            ids = [*context, *tokenizer.encode(text, add_special_tokens=False).ids]
            logprobs = llama.logprobs(ids[:-1])
            expected.append(sum(logprobs[at - 1, ids[at]] for at in range(len(context), len(ids))))
        assert record.loglikelihoods == pytest.approx(expected, rel=1e-4)
        assert record.prediction == max(range(len(expected)), key=expected.__getitem__)
    assert results.tasks[task].scoring == "reference"
    assert results.tasks[task].num_fewshot == (0 if tag == "xcodah" else 2)
    assert list(results.tasks[task].scores) == ["acc"]


def test_blank_choices_and_whitespace_are_kept(xcsr, tmp_path, tiny_model):
    path = tmp_path / "xcsr" / "X-CSQA" / "en" / "dev.jsonl"
    path.parent.mkdir(parents=True)
    choices = [{"label": label, "text": text} for label, text in zip("ABCDE", [" bleu ", "", "c", "d", "e"], strict=True)]
    row = {"id": "7", "lang": "en", "question": {"stem": "Ciel ? ", "choices": choices}, "answerKey": "A"}
    path.write_text("".join(json.dumps(row | {"id": str(number)}) + "\n" for number in range(3)))
    run(tiny_model, tmp_path, tmp_path / "out", ["xcsqa_en_reference"], num_fewshot=0)
    records = read_records(tmp_path / "out", "xcsqa_en_reference")
    assert len(records) == 3
    assert len(records[0].loglikelihoods) == 5
    with pytest.raises(ConfigurationError, match="does not hold an item that can be scored"):
        run(tiny_model, tmp_path, tmp_path / "out", ["xcsqa_en"])


def test_standard_and_reference_differ_and_are_separate_results(tiny_model, xcsr, tmp_path):
    results = run(tiny_model, xcsr, tmp_path, ["xcodah_en", "xcodah_en_reference"])
    assert [task.scoring for task in results.tasks.values()] == ["standard", "reference"]
    one, other = (read_records(tmp_path, name) for name in results.tasks)
    assert all(a.loglikelihoods != b.loglikelihoods for a, b in zip(one, other, strict=True))


def test_several_counts_are_several_results(tiny_model, xcsr, tmp_path):
    results = run(tiny_model, xcsr, tmp_path, ["xcsqa_en", "xcsqa_en_reference", "xcodah_en"], num_fewshot=[0, 2])
    assert {name: task.num_fewshot for name, task in results.tasks.items()} == {
        "xcsqa_en@0": 0, "xcsqa_en@2": 2, "xcsqa_en_reference@0": 0, "xcsqa_en_reference@2": 2, "xcodah_en": 0,
    }  # fmt: skip
    scores = [[record.loglikelihoods for record in read_records(tmp_path, name)] for name in ("xcsqa_en@0", "xcsqa_en@2")]
    assert scores[0] != scores[1]


def test_the_tasks_have_the_papers_counts():
    catalogue = read_catalogue(tasks_folder())
    counts = {name: task.default_fewshot for name, task in catalogue.items() if task.scoring == "reference"}
    expected = {"xcsqa_ja": 4, "xcodah_ja": 0, "jcommonsenseqa": 4, "jemhopqa": 4, "niilc": 4, "jaqket_v2": 1}
    assert {name: counts[f"{name}_reference"] for name in expected} == expected


def test_every_shipped_task_loads_its_recipe():
    for task in read_catalogue(tasks_folder()).values():
        if task.scoring == "reference":
            Recipe.model_validate(task.metadata["reference"])


def test_a_reference_count_beyond_the_items_is_refused(xcsr):
    catalogue = read_catalogue(tasks_folder())
    settings = EvalSettings(model="m", tasks=["t"], output_dir="o", data_dir=xcsr, num_fewshot=6)
    with pytest.raises(ConfigurationError, match="num_fewshot: 6 examples cannot be drawn from 6 items of xcsqa_en_reference"):
        load_tasks(request_tasks([catalogue["xcsqa_en_reference"]], 6), settings)


def test_lm_eval_validates_every_task(capsys, monkeypatch):
    """Runs `lm-eval validate` in this process."""
    from lm_eval._cli import HarnessCLI

    names = ",".join(sorted(read_catalogue(tasks_folder())))
    monkeypatch.setattr("sys.argv", ["lm-eval", "validate", "--include_path", str(tasks_folder()), "--tasks", names])
    cli = HarnessCLI()
    cli.execute(cli.parse_args())
    assert "All tasks found and valid" in capsys.readouterr().out


def test_counts_of_candidates_do_not_depend_on_the_batch():
    from eval.scoring.likelihood import Candidate, batch_candidates

    many = [Candidate(i, (1,) * (1 + i % 4), tuple(range(i % 3))) for i in range(40)]
    for size in (1, 3, 7, 100):
        found = batch_candidates(many, size)
        assert sorted(itertools.chain.from_iterable([c.index for c in batch] for batch in found)) == list(range(40))
        assert max(map(len, found)) <= size
        assert all(len({len(c.context) == 1 for c in batch}) == 1 for batch in found)
