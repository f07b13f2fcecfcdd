"""Articles to tokens with real tokenizers: SentencePiece BPE with byte fallback (32,000 ids), byte-level BPE (131,072 ids)."""

import hashlib
import importlib.resources
import json
import shutil
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from spark_jobs.common.settings import load_settings
from spark_jobs.contract.manifest import read_manifest
from spark_jobs.contract.schema_version import check_schema_version
from spark_jobs.contract.table_schemas import AUGMENTED, TOKENIZER_METADATA
from spark_jobs.stages import encode_stage as encode
from spark_jobs.tokens.article_tokens import COUNTS, ArticleEncoder, Entity
from spark_jobs.tokens.encoded_columns import INPUT_COLUMNS, TRAVEL_SCHEMA, count_rows, encode_batch, pivot_entities
from spark_jobs.tokens.tokenizer_files import load_source

BYTE_FALLBACK = "sentencepiece, byte fallback"
BYTE_LEVEL = "byte level, 131,072 ids"
TOKENIZERS = [BYTE_FALLBACK, BYTE_LEVEL]
MAPPINGS = ["overlap", "exact"]


@pytest.fixture(scope="module")
def tekken(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a real tokenizer of more than 65,536 ids."""
    pytest.importorskip("mistral_common")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(repository / "benchmarks")
        from inputs.tekken_tokenizer import read_tekken
    folder = tmp_path_factory.mktemp("tekken")
    tokenizer = read_tekken(Path(str(importlib.resources.files("mistral_common").joinpath("data/tekken_240911.json"))))
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def tokenizer_of(tekken: Path):
    """A function from a name in TOKENIZERS to the tokenizer."""

    @cache
    def tokenizer(name: str) -> Tokenizer:
        spec = "package:mistral_common/data/tokenizer.model.v1" if name == BYTE_FALLBACK else str(tekken)
        return load_source(spec, "own").load()

    return tokenizer


@pytest.fixture
def encoded_text(tokenizer_of):
    """A function (tokenizer, mapping, text, surfaces) -> the article; each surface, in order, is an entity of that name."""

    def encoded(name: str, mapping, text: str, *surfaces: str):
        entities, end = [], 0
        for surface in surfaces:
            start = text.index(surface, end)
            end = start + len(surface)
            entities.append(Entity(start, end, surface))
        return ArticleEncoder(tokenizer_of(name), mapping).encode(text, entities)

    return encoded


def pieces(tokenizer: Tokenizer, article) -> list[list[str]]:
    """The tokens of each entity."""
    spans = zip(article.entity_start, article.entity_end, strict=True)
    return [[tokenizer.id_to_token(token) for token in article.input_ids[start:end]] for start, end in spans]


def counts(article) -> dict[str, int]:
    return {name: count for name, count in article.counts.items() if count}


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("name", TOKENIZERS)
class TestWithEveryTokenizerAndMapping:
    def test_an_empty_text_has_no_token(self, encoded_text, name, mapping) -> None:
        article = encoded_text(name, mapping, "")
        assert article == ([], [], [], [], dict.fromkeys(COUNTS, 0))

    def test_an_article_without_links_is_its_tokens(self, encoded_text, tokenizer_of, name, mapping) -> None:
        article = encoded_text(name, mapping, "Ein Stein.\n\nZwei Steine.")
        assert tokenizer_of(name).decode(article.input_ids) == "Ein Stein.\n\nZwei Steine."
        assert article[1:] == ([], [], [], dict.fromkeys(COUNTS, 0))

    def test_links_at_the_very_beginning_and_end_have_the_first_and_last_tokens(self, encoded_text, tokenizer_of, name, mapping):
        article = encoded_text(name, mapping, "Paris lies in France", "Paris", "France")
        decode = tokenizer_of(name).decode
        assert (article.entity_start[0], article.entity_end[-1]) == (0, len(article.input_ids))
        assert decode(article.input_ids[: article.entity_end[0]]) == "Paris"
        assert decode(article.input_ids[article.entity_start[1] :]).strip() == "France"
        assert counts(article) == {}

    def test_an_article_that_is_one_link_is_that_entity(self, encoded_text, name, mapping) -> None:
        article = encoded_text(name, mapping, "東京", "東京")
        assert (article.entity_start, article.entity_end) == ([0], [len(article.input_ids)])

    def test_characters_of_several_byte_tokens_stay_whole(self, encoded_text, tokenizer_of, name, mapping) -> None:
        text = "a𓀀𓀁b"
        article = encoded_text(name, mapping, text, "𓀀", "𓀁")
        decode = tokenizer_of(name).decode
        assert [decode(article.input_ids[a:b]) for a, b in zip(article.entity_start, article.entity_end, strict=True)] == [
            "𓀀",
            "𓀁",
        ]
        assert all(b - a > 1 for a, b in zip(article.entity_start, article.entity_end, strict=True))

    def test_what_looks_like_a_special_token_is_text(self, encoded_text, tokenizer_of, name, mapping) -> None:
        article = encoded_text(name, mapping, "a <s> b </s> <unk>", "<s>", "</s>")
        assert tokenizer_of(name).decode(article.input_ids) == "a <s> b </s> <unk>"
        assert min(article.input_ids) > 2

    def test_an_article_of_a_megabyte_is_as_its_beginning(self, encoded_text, name, mapping) -> None:
        line = "Τὸ Παρίσι εἶναι ἡ πρωτεύουσα τῆς Γαλλίας (France), 東京 is far from it. 𓀀\n"
        number = 1_000_000 // len(line.encode()) + 1
        one, two, all_of_them = (encoded_text(name, mapping, line * n, *["Παρίσι", "France", "東京"] * n) for n in (1, 2, number))
        period = len(two.input_ids) - len(one.input_ids)
        assert len(all_of_them.input_ids) == len(one.input_ids) + period * (number - 1)
        assert len(all_of_them.entity_start) == len(one.entity_start) * number
        assert all_of_them.entity_start[-1] == one.entity_start[-1] + period * (number - 1)
        assert [start + period for start in all_of_them.entity_start[3:-3]] == all_of_them.entity_start[6:]

    def test_spans_on_the_sample_are_those_that_are_found_the_slow_way(self, read_rows, tokenizer_of, name, mapping) -> None:
        tokenizer = tokenizer_of(name)
        encoder = ArticleEncoder(tokenizer, mapping)
        by_hand = {"overlap": overlap_by_hand, "exact": exact_by_hand}[mapping]
        total = 0
        for row in [*read_rows("augmented", "jawiki"), *read_rows("augmented", "eswiki")]:
            spans = [(link["start"], link["end"]) for link in row["links"]]
            article = encoder.encode(row["text"], [Entity(*span, "x") for span in spans])
            offsets = tokenizer.encode(row["text"], add_special_tokens=False).offsets
            expected = [span for span in by_hand(row["text"], offsets, spans) if span]
            assert list(zip(article.entity_start, article.entity_end, strict=True)) == expected
            assert article.counts["entities_without_token"] == len(spans) - len(expected)
            total += len(expected)
        assert total > 1000


def overlap_by_hand(text, offsets, spans):
    """From every character to its tokens; a token that a link has, no later link gets."""
    tokens_of = [[] for _ in text]
    for token, (start, end) in enumerate(offsets):
        for character in range(start, end):
            tokens_of[character].append(token)
    owner: dict[int, tuple[int, int]] = {}
    for span in spans:
        for character in range(*span):
            for token in tokens_of[character]:
                owner.setdefault(token, span)
    owned = [[token for token, by in owner.items() if by == span] for span in spans]
    return [(min(tokens), max(tokens) + 1) if tokens else None for tokens in owned]


def exact_by_hand(text, offsets, spans):
    """The paper's rule with a dictionary from characters to the tokens that begin there."""
    begins: dict[int, int] = {}
    for token, (start, end) in enumerate(offsets):
        begins.setdefault(start, token)
        if text[start] == " " and end > start + 1:
            begins.setdefault(start + 1, token)
    ends = begins | {len(text): len(offsets)}
    found = [(begins.get(start), ends.get(end)) for start, end in spans]
    return [(a, b) if a is not None and b is not None and a < b else None for a, b in found]


@pytest.mark.parametrize(
    ("name", "mapping", "text", "surfaces", "found", "counted"),
    [
        # two links that meet inside the one token "house"
        (
            BYTE_LEVEL,
            "overlap",
            "the house",
            ["ho", "use"],
            [["Ġhouse"]],
            {
                "entities_that_begin_inside_a_token": 1,
                "entities_that_end_inside_a_token": 1,
                "entities_that_share_a_token": 1,
                "entities_without_token": 1,
            },
        ),
        (
            BYTE_LEVEL,
            "exact",
            "the house",
            ["ho", "use"],
            [],
            {
                "entities_that_begin_inside_a_token": 1,
                "entities_that_end_inside_a_token": 1,
                "entities_that_share_a_token": 1,
                "entities_without_token": 2,
            },
        ),
        # a link that goes on with letters that are no part of it
        (BYTE_FALLBACK, "overlap", "many houses", ["house"], [["▁houses"]], {"entities_that_end_inside_a_token": 1}),
        (
            BYTE_FALLBACK,
            "exact",
            "many houses",
            ["house"],
            [],
            {"entities_that_end_inside_a_token": 1, "entities_without_token": 1},
        ),
        # a space-prefixed token begins one character before the link, and that is no loss
        (BYTE_FALLBACK, "exact", "the house is", ["house"], [["▁house"]], {}),
        (BYTE_LEVEL, "exact", "the house is", ["house"], [["Ġhouse"]], {}),
        # a lone ▁ stands apart from the link in the text, and belongs to it at the beginning, where it has the link's character
        (BYTE_FALLBACK, "exact", "x 東京", ["東京"], [["東", "京"]], {}),
        (BYTE_FALLBACK, "overlap", "x 東京", ["東京"], [["東", "京"]], {}),
        (BYTE_FALLBACK, "exact", "東京", ["東京"], [["▁", "東", "京"]], {}),
        (BYTE_FALLBACK, "overlap", "東京", ["東京"], [["▁", "東", "京"]], {}),
    ],
)
def test_entities_get_their_tokens_and_losses_are_counted(
    encoded_text, tokenizer_of, name, mapping, text, surfaces, found, counted
) -> None:
    article = encoded_text(name, mapping, text, *surfaces)
    assert pieces(tokenizer_of(name), article) == found
    assert counts(article) == counted


def test_a_name_is_tokenised_alone(encoded_text, tokenizer_of) -> None:
    article = encoded_text(BYTE_FALLBACK, "overlap", "x東京", "東京")
    tokenizer = tokenizer_of(BYTE_FALLBACK)
    assert [[tokenizer.id_to_token(token) for token in ids] for ids in article.name_ids] == [["▁", "東", "京"]]


def test_a_name_that_the_tokenizer_has_no_token_for_is_left_out_and_counted() -> None:
    tokenizer = Tokenizer(models.BPE(vocab={"a": 0, "b": 1, "ab": 2}, merges=[("a", "b")]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    article = ArticleEncoder(tokenizer).encode("ab 日 ab", [Entity(0, 2, "b"), Entity(3, 4, "a"), Entity(5, 7, "日本")])
    assert article[:4] == ([2, 2], [0], [1], [[1]])
    assert counts(article) == {"entities_without_token": 1, "names_without_token": 1}


def entity(start: int, end: int, **names: str):
    named = [{"language": language, "name": name, "source": "link"} for language, name in sorted(names.items())]
    return {"start": start, "end": end, "target_page_id": None, "names": named}


@pytest.fixture
def augmented() -> pa.RecordBatch:
    """Rows of `augmented`, cut down to what the stage reads."""
    rows = [
        {"page_id": 9, "text": "not in the batch", "entities": [entity(0, 3, en="no")]},
        {"page_id": 7, "text": "Sol y Luna", "entities": [entity(0, 3, de="Sonne", en="Sun"), entity(6, 10, en="Moon")]},
        {"page_id": 8, "text": "", "entities": []},
        {"page_id": 5, "text": "Sol", "entities": [entity(0, 3, de="Sonne")]},
        {"page_id": 6, "text": "Luna y Sol", "entities": [entity(0, 4, fr="Lune"), entity(7, 10, en="Sun", fr="Soleil")]},
    ]
    schema = pa.schema([AUGMENTED.schema.field(name) for name in INPUT_COLUMNS])
    return pa.RecordBatch.from_pylist(rows, schema=schema).slice(1)


@pytest.mark.parametrize(
    ("pivot", "expected"),
    [
        ("en", [[(0, 3, "Sun"), (6, 10, "Moon")], [], [], [(7, 10, "Sun")]]),
        ("de", [[(0, 3, "Sonne")], [], [(0, 3, "Sonne")], []]),
        ("ja", [[], [], [], []]),
    ],
)
def test_the_names_of_the_pivot_are_taken_and_no_others(augmented, pivot, expected) -> None:
    assert pivot_entities(augmented.column("entities"), pivot) == expected
    assert pivot_entities(augmented.column("entities").slice(1, 0), pivot) == []


def test_a_batch_becomes_the_rows_of_its_articles(augmented, tokenizer_of) -> None:
    tokenizer = tokenizer_of(BYTE_FALLBACK)
    batch = encode_batch(augmented, ArticleEncoder(tokenizer), "en")
    assert batch.schema == TRAVEL_SCHEMA
    batch.validate(full=True)
    rows = batch.to_pylist()
    assert [row["page_id"] for row in rows] == [7, 8, 5, 6]
    assert [tokenizer.decode(row["input_ids"]) for row in rows] == ["Sol y Luna", "", "Sol", "Luna y Sol"]
    assert [row["num_tokens"] for row in rows] == [len(row["input_ids"]) for row in rows]
    assert [tokenizer.decode(row["name_ids"]) for row in rows] == ["Sun Moon", "", "", "Sun"]
    assert [len(row["name_lengths"]) for row in rows] == [len(row["entity_start"]) for row in rows] == [2, 0, 0, 1]
    assert count_rows(batch) == {
        "tokens": sum(row["num_tokens"] for row in rows),
        "entities": 3,
        "name_tokens": sum(len(row["name_ids"]) for row in rows),
        **dict.fromkeys(COUNTS, 0),
    }
    assert set(count_rows(batch.slice(0, 0)).values()) == {0}


@pytest.mark.parametrize(("name", "id_type", "size"), [(BYTE_FALLBACK, "uint16", 32_000), (BYTE_LEVEL, "uint32", 131_072)])
@pytest.mark.parametrize("mapping", MAPPINGS)
def test_the_stage_encodes_the_sample_with_any_tokenizer(
    spark, corpus, demo_settings, tekken, tmp_path, read_rows, mapping, name, id_type, size
) -> None:
    spec = demo_settings.encoding.tokenizer if name == BYTE_FALLBACK else str(tekken)
    (tmp_path / "config.yaml").write_text(demo_settings.to_yaml(), encoding="utf-8")
    overrides = [f"encode.tokenizer={spec}", "encode.name=own", f"encode.span_mapping={mapping}", f"output_dir={tmp_path}/out"]
    settings = load_settings(type(demo_settings), tmp_path / "config.yaml", [*overrides, "encode.rows_per_row_group=5"])
    shutil.copytree(corpus / "augmented" / "wiki=jawiki", tmp_path / "out" / "augmented" / "wiki=jawiki")

    (manifest,) = encode.encode_wiki(spark, settings, "jawiki").manifests

    folder = tmp_path / "out" / "encoded" / "tokenizer=own" / "pivot=en" / "wiki=jawiki"
    assert read_manifest(folder) == manifest
    published = folder.parent.parent / "_tokenizer" / "tokenizer.json"
    for shard in manifest.shards:
        file = pq.ParquetFile(folder / shard.path)
        metadata = {key.decode(): value.decode() for key, value in file.schema_arrow.metadata.items()}
        assert TOKENIZER_METADATA.keys() <= metadata.keys()
        check_schema_version(metadata["leia.schema_version"], shard.path)
        assert metadata["leia.table"] == "encoded"
        assert (metadata["leia.pivot"], metadata["leia.span_mapping"]) == ("en", mapping)
        assert metadata["leia.special_tokens"] == "none"
        about = json.loads(metadata["leia.tokenizer"])
        assert (about["name"], about["vocab_size"], about["id_type"]) == ("own", size, id_type)
        assert about["sha256"] == hashlib.sha256(published.read_bytes()).hexdigest()
        for column in ("input_ids", "name_ids"):
            assert str(file.schema_arrow.field(column).type.value_type) == id_type
        groups = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        assert groups[:-1] == [5] * (len(groups) - 1)

    rows = [row for shard in manifest.shards for row in pq.read_table(folder / shard.path, partitioning=None).to_pylist()]
    articles = {row["page_id"]: row for row in read_rows("augmented", "jawiki")}
    assert sorted(row["page_id"] for row in rows) == sorted(articles)
    tokenizer = load_source(str(published), "own").load()
    for row in rows:
        assert tokenizer.decode(row["input_ids"]) == articles[row["page_id"]]["text"]
        bounds = [bound for pair in zip(row["entity_start"], row["entity_end"], strict=True) for bound in pair]
        assert bounds == sorted(bounds)
        assert all(start < end for start, end in zip(row["entity_start"], row["entity_end"], strict=True))
        assert sum(row["name_lengths"]) == len(row["name_ids"])
    if size > 2**16:
        assert max(max(row["input_ids"], default=0) for row in rows) >= 2**16

    counted = manifest.counters
    lost = counted["entities_without_token"] + counted["names_without_token"]
    assert counted["entities"] + lost == sum(len(row["entities"]) for row in articles.values())
    assert counted["entities"] == sum(len(row["entity_start"]) for row in rows)
    assert counted["tokens"] == sum(row["num_tokens"] for row in rows)
    assert counted.keys() >= COUNTS.keys()
    if mapping == "exact":
        inside = counted["entities_that_begin_inside_a_token"], counted["entities_that_end_inside_a_token"]
        assert max(inside) <= counted["entities_without_token"] <= sum(inside)
