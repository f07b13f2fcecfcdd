"""Fixtures of the evaluation's tests: a tiny random Llama with Mistral's real tokenizer, data, evaluations, a demonstration."""

from pathlib import Path

import pytest

from eval.config import EvalSettings, SummarySettings

from .evaluations import answer, write_evaluation, write_three_models
from .linked_cities import LINKED


def _mistral_tokenizer():
    """Mistral-7B v0.1's SentencePiece vocabulary (32,000 pieces, byte fallback; Apache-2.0) as a fast tokenizer."""
    import mistral_common
    import sentencepiece
    from tokenizers import Tokenizer, models, normalizers

    file = Path(mistral_common.__file__).parent / "data" / "tokenizer.model.v1"
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(file))
    vocabulary = {pieces.id_to_piece(i): i for i in range(pieces.vocab_size())}
    splits = [
        (-pieces.get_score(id_), vocabulary[piece[:cut]], vocabulary[piece[cut:]], piece[:cut], piece[cut:])
        for piece, id_ in vocabulary.items()
        for cut in range(1, len(piece))
        if piece[:cut] in vocabulary and piece[cut:] in vocabulary
    ]
    merges = [(left, right) for *_, left, right in sorted(splits)]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return tokenizer


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """One thread: tiny models do not gain from threads, and wait for them for minutes on busy cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as training writes it: random weights in safetensors, and a tokenizer that does not add BOS."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("model")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_mistral_tokenizer(), bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=32000,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.3,  # wide, so that likelihoods differ by more than rounding
        bos_token_id=1,
        eos_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


QUESTIONS = {
    "en": [
        ("Where do ducks swim?", ["in a pond", "in a book", "on a roof", "in the oven", "under a lamp"], "A"),
        ("What falls from clouds?", ["salt", "rain", "keys", "bread", "wool"], "B"),
        ("What do you read?", ["a soup", "a stone", "a letter", "a shoe", "a wheel"], "C"),
        ("What melts?", ["iron rails", "roads", "walls", "ice", "sand"], "D"),
        ("Who bakes?", ["a fish", "a tree", "a cloud", "a door", "a baker"], "E"),
        ("What is cold?", ["snow", "fire", "tea", "toast", "sunlight"], "A"),
    ],
    "jap": [
        ("鴨はどこで泳ぎますか？", ["池", "本", "屋根", "かまど", "電灯の下"], "A"),
        ("雲から何が降りますか？", ["塩", "雨", "鍵", "パン", "羊毛"], "B"),
        ("何を読みますか？", ["汁", "石", "手紙", "靴", "車輪"], "C"),
        ("何が溶けますか？", ["線路", "道", "壁", "氷", "砂"], "D"),
        ("誰がパンを焼きますか？", ["魚", "木", "雲", "戸", "パン屋"], "E"),
        ("何が冷たいですか？", ["雪", "火", "お茶", "焼きパン", "日光"], "A"),
    ],
}
"""Questions written for these tests in the form of X-CSQA, by the language names of the data."""


@pytest.fixture(scope="session")
def xcsr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Local data in the published layout: six items of X-CSQA and X-CODAH in English and Japanese."""
    import json

    root = tmp_path_factory.mktemp("xcsr")
    for code, questions in QUESTIONS.items():
        for benchmark, width in (("X-CSQA", 5), ("X-CODAH", 4)):
            rows = []
            for number, (stem, answers, key) in enumerate(questions):
                asked, start = (stem, "") if benchmark == "X-CSQA" else (" ", f"{stem} ")
                choices = [{"label": label, "text": start + text} for label, text in zip("ABCDE", answers[:width], strict=False)]
                question = {"stem": asked, "choices": choices}
                rows.append(
                    {"id": f"item{number}", "lang": code, "question": question, "answerKey": min(key, "ABCDE"[width - 1])}
                )
            path = root / benchmark / code / "dev.jsonl"
            path.parent.mkdir(parents=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


ARTICLES = {
    "jawiki": [
        (
            "鴨川",
            "[[鴨川]]（かもがわ）は[[京都市]]を流れる川である。[[桂川]]に注ぎ、[[淀川]]を経て[[大阪湾]]に至る。\n岸には[[鴨]]が多い。",
            {"京都市": "Kyoto", "桂川": "Katsura River", "淀川": "Yodo River", "大阪湾": "Osaka Bay", "鴨": "Duck"},
        ),
        ("鴨", "[[鴨]]は[[鳥]]である。<b>&amp;", {"鳥": "Bird"}),
        ("名なし", "[[鳥]]と[[川]]。", {}),
    ],
    "arwiki": [
        ("القاهرة", "[[القاهرة]] هي عاصمة [[مصر]]، وتقع على [[النيل]].", {"مصر": "Egypt", "النيل": "Nile"}),
    ],
}
"""Wiki to (title, text with links in double brackets, names of targets)."""


def _augmented_row(page_id: int, title: str, marked: str, names: dict[str, str]) -> dict:
    """A row of `augmented`: spans in code points; only links with a name become entities."""
    import re

    text, links, entities = "", [], []
    for number, part in enumerate(re.split(r"\[\[(.*?)\]\]", marked)):
        start, text = len(text), text + part
        if number % 2:
            span = {"start": start, "end": len(text)}
            links.append(span | {"kind": "internal", "wiki": None, "target": part, "fragment": None, "names": []})
            if part in names:
                name = {"language": "en", "name": names[part], "source": "langlink"}
                entities.append(span | {"target_page_id": 1, "names": [name]})
    return {
        "page_id": page_id,
        "revision_id": page_id,
        "timestamp": None,
        "title": title,
        "url": f"https://example.org/wiki/{title}",
        "redirect_title": None,
        "redirect_fragment": None,
        "is_disambiguation": False,
        "text": text,
        "sections": [],
        "links": links,
        "entities": entities,
    }


def _write_corpus(corpus: Path) -> None:
    import hashlib
    import json

    import pyarrow as pa
    import pyarrow.parquet as pq

    from spark_jobs.contract.manifest import MANIFEST, Manifest, Shard
    from spark_jobs.contract.schema_version import SCHEMA_VERSION
    from spark_jobs.contract.table_schemas import AUGMENTED

    figures = {}
    for wiki, articles in ARTICLES.items():
        rows = [_augmented_row(number, *article) for number, article in enumerate(articles, start=1)]
        folder = corpus / "augmented" / f"wiki={wiki}"
        folder.mkdir(parents=True)
        path = folder / "part-00000.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema=AUGMENTED.schema), path, compression="zstd")
        shard = Shard(
            path=path.name, rows=len(rows), bytes=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest()
        )
        manifest = Manifest(
            schema_version=SCHEMA_VERSION,
            table="augmented",
            partition={"wiki": wiki},
            rows=len(rows),
            bytes=shard.bytes,
            row_hash="0" * 32,
            shards=[shard],
            inputs=[],
            configuration={},
            code_version="0.1.0",
            counters={},
        )
        (folder / MANIFEST).write_text(manifest.model_dump_json())
        figures[wiki] = {
            "pages": len(rows) + 12,
            "other_namespaces": 3,
            "articles": len(rows),
            "redirects": 8,
            "rejects": 1,
            "links": sum(len(row["links"]) for row in rows),
            "links_with_name": {"en": sum(len(row["entities"]) for row in rows)},
            "characters": sum(len(row["text"]) for row in rows),
            "tokens": 12_345,
        }
    build = {
        "configuration": {"wikis": list(figures), "pivots": ["en"]},
        "started": "2026-01-02T03:04:05+00:00",
        "seconds": 75.0,
        "spark_version": "4.3.0",
        "code_version": "0.1.0",
        "wikis": figures,
        "stages": [{"stage": "extract", "seconds": 4.2, "skipped": False}, {"stage": "align", "seconds": 0.0, "skipped": True}],
    }
    (corpus / "_build.json").write_text(json.dumps(build))


def _write_run(run: Path) -> None:
    import json
    import math

    run.mkdir(parents=True)
    with (run / "metrics.jsonl").open("w") as lines:
        for step in range(1, 41):
            loss = 6 + 4 * math.exp(-step / 12) + 0.1 * math.sin(step)
            record = {"step": step, "loss": loss, "tokens_per_second": 900.0 + step, "learning_rate": 1e-3}
            lines.write(json.dumps(record) + "\n")
    (run / "run.json").write_text(json.dumps({"steps": 40, "world_size": 2, "versions": {"deepspeed": "0.19.8"}}))


def _write_evaluation(folder: Path, fingerprint: str, correct: int) -> None:
    tasks = {f"xcodah_{language}": [answer(place, place < correct) for place in range(16)] for language in ("ja", "ar")}
    write_evaluation(folder, fingerprint, tasks, chance=0.25)


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A small folder in the form that `make demo` writes: corpus/, run/, eval/before/, eval/after/."""
    _write_corpus(tmp_path / "corpus")
    _write_run(tmp_path / "run")
    _write_evaluation(tmp_path / "eval" / "before", "aaa", correct=3)
    _write_evaluation(tmp_path / "eval" / "after", "bbb", correct=5)
    return tmp_path


@pytest.fixture
def make_settings(tiny_model, xcsr, tmp_path):
    """Settings of an evaluation of the tiny model; keyword arguments change single ones."""

    def make(**options) -> EvalSettings:
        values = {"model": tiny_model, "tasks": ["xcodah_ja"], "data_dir": xcsr, "output_dir": tmp_path / "out", "device": "cpu"}
        values["data_lock"] = tmp_path / "data.sha256"
        return EvalSettings(**(values | options))

    return make


@pytest.fixture
def make_summary_settings(demo):
    """Settings of the summary of `demo`; keyword arguments change single ones."""

    def make(folder: Path = demo, **options) -> SummarySettings:
        values = {"corpus": folder / "corpus", "run": folder / "run", "output": folder / "index.html"}
        values |= {"before": folder / "eval" / "before", "after": folder / "eval" / "after"}
        return SummarySettings(**(values | options))

    return make


@pytest.fixture
def three_models(tmp_path) -> list[str]:
    """See `write_three_models`."""
    return write_three_models(tmp_path)


@pytest.fixture(scope="session")
def three_contrasts(tmp_path_factory):
    """The contrasts of `write_three_models`."""
    from eval.analysis.contrasts import contrast_models
    from eval.analysis.pairing import pair_tasks, read_evaluated_model

    models = [read_evaluated_model(argument) for argument in write_three_models(tmp_path_factory.mktemp("evaluations"))]
    return contrast_models(pair_tasks(models), [model.label for model in models])


@pytest.fixture
def corpus_with_links(tmp_path) -> Path:
    """A corpus with the links of `linked_cities.LINKED` in jawiki."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from spark_jobs.contract.table_schemas import LINKS

    folder = tmp_path / "corpus" / "links" / "wiki=jawiki"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(LINKED, schema=LINKS.schema), folder / "part-00000.parquet")
    return tmp_path / "corpus"
