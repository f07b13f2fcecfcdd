"""JCommonsenseQA, JEMHopQA, NIILC and JAQKET v2: prompts, answers and scores, on the published files."""

import json
import shutil
from functools import cache

import pytest

from eval.config import EvalSettings
from eval.results.evaluation_results import read_results
from eval.results.item_records import read_records
from eval.scoring.evaluation_run import evaluate_model
from eval.scoring.lm_eval_tasks import load_tasks
from eval.scoring.task_requests import request_tasks
from eval.tasks.japanese.japanese_documents import process_reference, process_standard, read_jaqket, read_jemhopqa, read_niilc
from eval.tasks.task_catalogue import read_catalogue, tasks_folder
from eval.tasks.text_metrics import reference_f1
from spark_jobs.common.errors import ConfigurationError

JAQKET = [
    {
        "qid": f"AIO02-{number}",
        "question": question,
        "answers": {"text": answers},
        "ctxs": {
            "id": ["1", "2"],
            "title": [answers[0], "鴨"],
            "text": [f"{answers[0]}の文。", "鴨は鳥。"],
            "has_answer": [True, False],
        },
    }
    for number, (question, answers) in enumerate(
        [("一番高い山は？", ["富士山", "ふじさん"]), ("古い都は？", ["京都"]), ("首都は？", ["東京"])]
    )
]
"""The published format of JAQKET v2.0 with other content: its contexts may not be redistributed."""


@pytest.fixture(scope="module")
def japanese(shared_data, tmp_path_factory):
    """The published files; NIILC's development set replaces its test set, which is not in the shared data."""
    folder = shutil.copytree(shared_data / "eval", tmp_path_factory.mktemp("japanese") / "eval")
    shutil.copy(folder / "niilc" / "NIILC-ECQA2015_dev.xml", folder / "niilc" / "NIILC-ECQA2015_test.xml")
    lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in JAQKET)
    (folder / "jaqket" / "validation_v2.0.jsonl").write_text(lines)
    return folder


def load(japanese, name, num_fewshot=None):
    settings = EvalSettings(model="m", tasks=[name], output_dir="o", data_dir=japanese, num_fewshot=num_fewshot)
    return load_tasks(request_tasks([read_catalogue(tasks_folder())[name]], num_fewshot), settings)[name]


def prompt(task, place=0, num_fewshot=0):
    document = list(task.eval_docs)[place]
    requests = task.construct_requests(document, task.fewshot_context(document, num_fewshot=num_fewshot))
    return [request.args for request in (requests if isinstance(requests, list) else [requests])]


@pytest.mark.parametrize(
    ("name", "n"),
    [("jcommonsenseqa", 1119), ("jemhopqa", 120), ("niilc", 795), ("jaqket_v2", 3)],
)
@pytest.mark.parametrize("scoring", ["", "_reference"])
def test_every_task_reads_the_published_data(japanese, name, n, scoring):
    assert len(load(japanese, name + scoring).eval_docs) == n


def test_jcommonsenseqa_shows_its_choices(japanese):
    asked = prompt(load(japanese, "jcommonsenseqa"))
    lines = "- 掲示板\n- パソコン\n- マザーボード\n- ハードディスク\n- まな板"
    question = f"質問：電子機器で使用される最も主要な電子回路基板の事をなんと言う？\n選択肢：\n{lines}\n回答："
    assert asked == [(question, choice) for choice in ["掲示板", "パソコン", "マザーボード", "ハードディスク", "まな板"]]
    reference = prompt(load(japanese, "jcommonsenseqa_reference", 0))
    description = "与えられた選択肢の中から、最適な答えを選んでください。 \n\n"
    assert [context for context, _ in reference] == [description + question] * 5


def test_reference_examples_come_from_the_training_items(japanese):
    (context, _), *_ = prompt(load(japanese, "jcommonsenseqa_reference"))
    *examples, question = context.split("\n\n")[1:]
    assert len(examples) == 4
    training = (japanese / "jcommonsenseqa" / "train-v1.3-first200.json").read_text()
    assert all(json.dumps(example.split("\n")[0].removeprefix("質問："), ensure_ascii=False) in training for example in examples)
    assert question.endswith("回答：")


@pytest.mark.parametrize(("name", "limit", "standard"), [("jemhopqa", 15, 48), ("niilc", 180, 96)])
def test_llm_jp_evals_prompt_has_the_first_four_examples(japanese, name, limit, standard):
    ((_, options),) = prompt(load(japanese, name))
    assert (options["until"], options["max_gen_toks"]) == (["\n"], standard)
    ((context, options),) = prompt(load(japanese, f"{name}_reference"), place=7)
    assert context.startswith("以下はタスクを説明する指示と、追加の背景情報を提供する入力の組み合わせです。")
    assert context.count("### 入力：\n") == context.count("### 回答：\n") == 5
    assert context.endswith("\n### 回答：\n")
    assert (options["until"], options["max_gen_toks"]) == (["\n"], limit)
    if name == "niilc":
        assert "### 入力：\nワールドカップは何年に一度開催されるの？\n### 回答：\n4年\n\n" in context


def test_niilc_leaves_out_questions_without_an_answer_and_joins_the_parts_of_one(japanese):
    items = {item["id"]: item["text"] for item in read_niilc(japanese / "niilc" / "NIILC-ECQA2015_dev.xml")}
    assert "NIILC-ECQA2015-00046-01" not in items
    assert items["NIILC-ECQA2015-00012-01"] == "国民主権,基本的人権の尊重,平和主義"


def test_xml_that_declares_entities_is_not_read(tmp_path):
    path = tmp_path / "x.xml"
    path.write_text('<!DOCTYPE a [<!ENTITY b "c">]><questions/>')
    with pytest.raises(ValueError, match="the file declares a document type"):
        read_niilc(path)


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (read_niilc, "<questions><question>", r"x: not valid XML \(no element found"),
        (read_jemhopqa, '[{"qid"', r"x: not valid JSON \(Expecting"),
        (read_jaqket, '{"qid"', r"x, line 1: not valid JSON"),
    ],
)
def test_a_file_that_was_cut_short_is_named(tmp_path, read, content, message):
    (tmp_path / "x").write_text(content)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "x")


def test_jaqket_shows_its_contexts(japanese):
    ((context, _),) = prompt(load(japanese, "jaqket_v2"))
    assert context == "題名：富士山\n文章：富士山の文。\n題名：鴨\n文章：鴨は鳥。\n質問：一番高い山は？\n回答："
    ((context, options),) = prompt(load(japanese, "jaqket_v2_reference", 0))
    asked = "[題名]:富士山\n[問題]:富士山の文。\n[題名]:鴨\n[問題]:鴨は鳥。\n[質問]:一番高い山は？\n[答え]:"
    assert context == f"[題名]と[問題]から[質問]に対する[答え]を抜き出しなさい\n\n{asked}"
    assert options["longest_answer"] is True


def test_a_list_of_contexts_reads_as_columns_do(tmp_path):
    columns, rows = JAQKET[0]["ctxs"], []
    for title, text in zip(columns["title"], columns["text"], strict=True):
        rows.append({"title": title, "text": text})
    for name, row in (("a", JAQKET[0]), ("b", JAQKET[0] | {"ctxs": rows})):
        (tmp_path / name).write_text(json.dumps(row))
    assert read_jaqket(tmp_path / "a") == read_jaqket(tmp_path / "b")


def test_a_file_that_cannot_be_fetched_is_requested(tmp_path):
    with pytest.raises(ConfigurationError, match=r"jaqket_v2 has no published file .* set data_dir"):
        load(None, "jaqket_v2")
    with pytest.raises(
        ConfigurationError, match=r"jaqket_v2 reads .*validation\*\.jsonl, which does not exist; put the validation"
    ):
        evaluate_model(EvalSettings(model=tiny_folder(tmp_path), tasks=["jaqket_v2"], output_dir=tmp_path, data_dir=tmp_path))


def tiny_folder(tmp_path):
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    return tmp_path


def test_the_longest_correct_answer_limits_the_reference_answer(japanese, tiny_model):
    from eval.scoring.language_model import load_language_model

    model = load_language_model(EvalSettings(model=tiny_model, tasks=["t"], output_dir="o", device="cpu"))
    assert model._longest_answer({"answers": ["京都", "ふじさん"]}) == len(
        model.tokenizer.encode("ふじさん", add_special_tokens=False)
    )


def test_process_results_scores_one_item():
    document = {"text": "東芝,NEC", "answers": ["東芝,NEC"]}
    assert process_reference(document, ["NEC,東芝"]) == {"char_f1": 1.0, "char_f1_levenshtein": 1.0}
    assert process_standard(document, ["NEC"]) == {"exact_match": 0.0, "char_f1": pytest.approx(6 / 8)}


@cache
def loaded(model_folder):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(model_folder), AutoTokenizer.from_pretrained(model_folder)


def greedy(model_folder, ids, stop, limit):
    """A second implementation: one token at a time, the whole text read again for each."""
    import torch

    model, tokenizer = loaded(model_folder)
    written = []
    while len(written) < limit:
        with torch.no_grad():
            token = int(model(torch.tensor([[*ids, *written]]), logits_to_keep=1).logits[0, -1].argmax())
        if token == tokenizer.eos_token_id:
            break
        written.append(token)
        if stop in tokenizer.decode(written):
            break
    return tokenizer.decode(written).partition(stop)[0]


@pytest.mark.parametrize(
    ("name", "start", "limit"),
    [("jemhopqa", [1], 48), ("jemhopqa_reference", [], 15), ("jaqket_v2_reference", [], None)],
)
def test_written_answers_are_those_of_a_second_implementation(japanese, tiny_model, tmp_path, name, start, limit):
    from tokenizers import Tokenizer

    evaluate_model(
        EvalSettings(
            model=tiny_model,
            tasks=[name],
            output_dir=tmp_path,
            data_dir=japanese,
            num_fewshot=1,
            limit=5,
            batch_size=3,
            device="cpu",
        )
    )
    tokenizer = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    task = load(japanese, name, 1)
    records = read_records(tmp_path, name)
    for place, record in enumerate(records):
        ((context, _),) = prompt(task, place, num_fewshot=0 if "reference" in name else 1)
        ids = [*start, *tokenizer.encode(context, add_special_tokens=False).ids]
        document = list(task.eval_docs)[place]
        # JAQKET: the number of tokens of the longest correct answer.
        room = limit or max(len(tokenizer.encode(answer, add_special_tokens=False).ids) for answer in document["answers"])
        assert record.prediction == greedy(tiny_model, ids, "\n", room)
        assert record.gold == document["text"]
        if name == "jemhopqa_reference":
            assert record.metrics["char_f1"] == reference_f1(record.prediction, record.gold)
    result = read_results(tmp_path).tasks[name]
    assert (result.n, result.chance, result.num_fewshot) == (3 if name == "jaqket_v2_reference" else 5, 0, 1)
