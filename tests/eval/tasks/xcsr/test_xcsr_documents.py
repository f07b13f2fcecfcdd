"""X-CSR's rows as documents, prompts and choices, read through lm-eval's task manager."""

import pytest

from eval.tasks.task_catalogue import read_catalogue, tasks_folder
from eval.tasks.xcsr.xcsr_documents import rows_sha256, scorable_items

from ...loaded_tasks import load


def row(texts=("bleu", "sel"), answer="A", stem="Ciel ?"):
    choices = [{"label": label, "text": text} for label, text in zip("ABCDE", texts, strict=False)]
    return {"id": "7", "question": {"stem": stem, "choices": choices}, "answerKey": answer}


@pytest.mark.parametrize("answer", [None, "", "F"])
def test_a_row_without_a_usable_answer_is_refused_by_name(answer):
    with pytest.raises(ValueError, match=r"here, item 7: the answer .* is not one of A, B; only the validation split"):
        scorable_items([row(answer=answer)], "fr", "here")


def test_a_row_with_a_blank_choice_is_left_out():
    assert scorable_items([row(texts=("bleu", "  ")), row(texts=("", "sel"))], "fr", "here") == []


@pytest.mark.parametrize(
    "question",
    [
        {"stem": list("Ciel ?"), "choices": row()["question"]["choices"]},
        {"stem": "Ciel ?", "choices": {"label": ["A", "B"], "text": [list("bleu"), list("sel")]}},
        ["Ciel ?"],
    ],
)
@pytest.mark.parametrize("read", [lambda rows: scorable_items(rows, "fr", "hub"), rows_sha256])
def test_strings_that_were_split_into_characters_are_refused(question, read):
    with pytest.raises(
        ValueError, match=r"item 7: its question and choices must be strings, and one is \['.*split into characters"
    ):
        read([row() | {"question": question}])


def test_whitespace_around_texts_is_trimmed():
    (item,) = scorable_items([row(texts=(" bleu", "sel\n"), stem=" Ciel ? ")], "fr", "here")
    assert (item["stem"], item["choices"]) == ("Ciel ?", ["bleu", "sel"])


def test_the_hubs_columns_read_as_the_files_rows():
    columns = row() | {"question": {"stem": "Ciel ?", "choices": {"label": ["A", "B"], "text": ["bleu", "sel"]}}}
    assert scorable_items([columns], "fr", "hub") == scorable_items([row()], "fr", "file")


def test_an_x_csqa_item_is_asked_as_question_and_answer(xcsr):
    task = load(xcsr, "xcsqa_ja")["xcsqa_ja"]
    document = task.eval_docs[1]
    requests = task.construct_requests(document, task.fewshot_context(document, num_fewshot=0))
    prompt = "Question: 雲から何が降りますか？\nAnswer:"
    assert [request.args for request in requests] == [(prompt, f" {choice}") for choice in ["塩", "雨", "鍵", "パン", "羊毛"]]
    assert task.doc_to_target(document) == 1


def test_an_x_codah_sentence_has_no_prompt(xcsr):
    task = load(xcsr, "xcodah_en", num_fewshot=4)["xcodah_en"]
    document = task.eval_docs[0]
    assert task.config.num_fewshot == 0
    requests = task.construct_requests(document, task.fewshot_context(document, num_fewshot=0))
    places = ["in a pond", "in a book", "on a roof", "in the oven"]
    assert [request.args for request in requests] == [("", f"Where do ducks swim? {place}") for place in places]


def test_plain_lm_eval_reads_local_files_and_keeps_the_models_revision_out_of_the_data(xcsr):
    from lm_eval.tasks import TaskManager

    # The metadata of `lm-eval run --model_args pretrained=m,revision=r --metadata '{"data_dir": ...}'`.
    metadata = {"pretrained": "m", "revision": "r", "dtype": "float32", "data_dir": str(xcsr)}
    manager = TaskManager(include_path=str(tasks_folder()), include_defaults=False, metadata=metadata)
    tasks = manager.load(["xcodah_ja"])["tasks"]
    assert len(tasks["xcodah_ja"].eval_docs) == 6
    assert tasks["xcodah_ja"].config.metadata["hub_revision"] != "r"


def test_every_task_reads_the_published_data(shared_data):
    names = sorted(path.stem for path in (tasks_folder() / "xcsr").glob("x*_??.yaml"))
    assert len(names) == 32
    tasks = load(shared_data / "eval" / "xcsr", *names)
    for name, task in tasks.items():
        tag, language = name.split("_")
        documents = list(task.eval_docs)
        assert documents, name
        assert {document["language"] for document in documents} == {language}
        assert {len(document["choices"]) for document in documents} == {4 if tag == "xcodah" else 5}
        assert all(document["stem"] == "" for document in documents) == (tag == "xcodah")


def test_every_reference_task_takes_all_items_that_were_published(shared_data):
    names = sorted(path.stem for path in (tasks_folder() / "xcsr").glob("x*_reference.yaml"))
    assert len(names) == 32
    catalogue = read_catalogue(tasks_folder())
    for name, task in load(shared_data / "eval" / "xcsr", *names).items():
        (path,) = catalogue[name].local_files(shared_data / "eval").values()
        prompts = [document["prompt"] for document in task.eval_docs]
        assert len(prompts) == len(path.read_text().splitlines())
        assert {prompt.count("\nAnswer:") for prompt in prompts} == ({0} if name.startswith("xcodah") else {5})
