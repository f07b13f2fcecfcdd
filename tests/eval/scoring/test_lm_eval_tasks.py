"""Loading tasks: broken data, and the examples in front of a question."""

import pytest

from spark_jobs.common.errors import ConfigurationError

from ..loaded_tasks import load


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"id": 1}\n\n{"id"',
            r"xcsqa_en: its data cannot be read: .*dev\.jsonl, line 3: not valid JSON .* check the files below",
        ),
        ('{"id": 1}', r"xcsqa_en: its data cannot be read: a row lacks 'question'; check the files below data_dir"),
        ("", r"dev\.jsonl does not hold an item that can be scored"),
    ],
)
def test_a_broken_file_is_named(tmp_path, content, message):
    path = tmp_path / "X-CSQA" / "en" / "dev.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, "xcsqa_en")


def test_examples_are_other_items_with_their_answers(xcsr):
    task = load(xcsr, "xcsqa_en", num_fewshot=5)["xcsqa_en"]
    for document in task.eval_docs:
        context = task.fewshot_context(document, num_fewshot=5)
        *examples, question = context.split("\n\n")
        others = {
            f"Question: {other['stem']}\nAnswer: {other['choices'][other['gold']]}"
            for other in task.eval_docs
            if other["id"] != document["id"]
        }
        assert set(examples) == others
        assert question == f"Question: {document['stem']}\nAnswer:"


def test_the_same_seed_draws_the_same_examples(xcsr):
    def contexts(seed):
        task = load(xcsr, "xcsqa_en", num_fewshot=2, seed=seed)["xcsqa_en"]
        return [task.fewshot_context(document, num_fewshot=2) for document in task.eval_docs]

    assert contexts(1) == contexts(1)
    assert contexts(1) != contexts(2)


def test_more_examples_than_items_are_refused(xcsr):
    with pytest.raises(ConfigurationError, match="num_fewshot: 6 is not allowed: xcsqa_en has 5 items beside the scored one"):
        load(xcsr, "xcsqa_en", num_fewshot=6)
