"""Articles to tokens with real tokenizers: entity spans, name tokens, and the counters of losses."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from spark_jobs.tokens.article_encoder import ENTITY_COUNTERS, ArticleEncoder, Entity
from spark_jobs.tokens.tokenizer_loading import load_tokenizer_source

from ..real_tokenizers import BYTE_FALLBACK, BYTE_LEVEL, load_byte_fallback_tokenizer, write_byte_level_tokenizer

MAPPINGS = ["overlap", "exact"]


@pytest.fixture(scope="module")
def tokenizers(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tokenizer]:
    """The two tokenizers by name."""
    pytest.importorskip("mistral_common")
    folder = tmp_path_factory.mktemp("byte_level")
    write_byte_level_tokenizer(repository, folder)
    return {BYTE_FALLBACK: load_byte_fallback_tokenizer(), BYTE_LEVEL: load_tokenizer_source(str(folder), "own").load()}


@pytest.fixture
def encode_text(tokenizers):
    """A function (tokenizer, mapping, text, *surfaces) -> encoded article. Each surface is an entity of that name, in order."""

    def encode(name: str, mapping, text: str, *surfaces: str):
        entities, end = [], 0
        for surface in surfaces:
            start = text.index(surface, end)
            end = start + len(surface)
            entities.append(Entity(start, end, surface))
        return ArticleEncoder(tokenizers[name], mapping).encode(text, entities)

    return encode


def tokens_of_entities(tokenizer: Tokenizer, article) -> list[list[str]]:
    """The tokens of each entity."""
    spans = zip(article.entity_start, article.entity_end, strict=True)
    return [[tokenizer.id_to_token(token) for token in article.input_ids[start:end]] for start, end in spans]


def nonzero_counts(article) -> dict[str, int]:
    return {name: count for name, count in article.counts.items() if count}


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("name", [BYTE_FALLBACK, BYTE_LEVEL])
class TestWithEveryTokenizerAndMapping:
    def test_an_empty_text_has_no_tokens(self, encode_text, name, mapping) -> None:
        article = encode_text(name, mapping, "")
        assert article == ([], [], [], [], dict.fromkeys(ENTITY_COUNTERS, 0))

    def test_an_article_without_links_has_tokens_only(self, encode_text, tokenizers, name, mapping) -> None:
        article = encode_text(name, mapping, "Ein Stein.\n\nZwei Steine.")
        assert tokenizers[name].decode(article.input_ids) == "Ein Stein.\n\nZwei Steine."
        assert article[1:] == ([], [], [], dict.fromkeys(ENTITY_COUNTERS, 0))

    def test_links_at_the_ends_have_the_first_and_last_tokens(self, encode_text, tokenizers, name, mapping):
        article = encode_text(name, mapping, "Paris lies in France", "Paris", "France")
        decode = tokenizers[name].decode
        assert (article.entity_start[0], article.entity_end[-1]) == (0, len(article.input_ids))
        assert decode(article.input_ids[: article.entity_end[0]]) == "Paris"
        assert decode(article.input_ids[article.entity_start[1] :]).strip() == "France"
        assert nonzero_counts(article) == {}

    def test_a_link_over_the_whole_article_has_all_tokens(self, encode_text, name, mapping) -> None:
        article = encode_text(name, mapping, "東京", "東京")
        assert (article.entity_start, article.entity_end) == ([0], [len(article.input_ids)])

    def test_characters_of_several_byte_tokens_are_not_split(self, encode_text, tokenizers, name, mapping) -> None:
        text = "a𓀀𓀁b"
        article = encode_text(name, mapping, text, "𓀀", "𓀁")
        decode = tokenizers[name].decode
        assert [decode(article.input_ids[a:b]) for a, b in zip(article.entity_start, article.entity_end, strict=True)] == [
            "𓀀",
            "𓀁",
        ]
        assert all(b - a > 1 for a, b in zip(article.entity_start, article.entity_end, strict=True))

    def test_special_tokens_in_the_text_are_text(self, encode_text, tokenizers, name, mapping) -> None:
        article = encode_text(name, mapping, "a <s> b </s> <unk>", "<s>", "</s>")
        assert tokenizers[name].decode(article.input_ids) == "a <s> b </s> <unk>"
        assert min(article.input_ids) > 2

    def test_an_article_of_a_megabyte_is_encoded_like_its_first_lines(self, encode_text, name, mapping) -> None:
        line = "Τὸ Παρίσι εἶναι ἡ πρωτεύουσα τῆς Γαλλίας (France), 東京 is far from it. 𓀀\n"
        number = 1_000_000 // len(line.encode()) + 1
        one, two, all_of_them = (encode_text(name, mapping, line * n, *["Παρίσι", "France", "東京"] * n) for n in (1, 2, number))
        period = len(two.input_ids) - len(one.input_ids)
        assert len(all_of_them.input_ids) == len(one.input_ids) + period * (number - 1)
        assert len(all_of_them.entity_start) == len(one.entity_start) * number
        assert all_of_them.entity_start[-1] == one.entity_start[-1] + period * (number - 1)
        assert [start + period for start in all_of_them.entity_start[3:-3]] == all_of_them.entity_start[6:]

    def test_spans_of_the_sample_agree_with_a_slow_implementation(self, read_rows, tokenizers, name, mapping) -> None:
        tokenizer = tokenizers[name]
        encoder = ArticleEncoder(tokenizer, mapping)
        map_slowly = {"overlap": map_overlap_slowly, "exact": map_exact_slowly}[mapping]
        total = 0
        for row in [*read_rows("augmented", "jawiki"), *read_rows("augmented", "eswiki")]:
            spans = [(link["start"], link["end"]) for link in row["links"]]
            article = encoder.encode(row["text"], [Entity(*span, "x") for span in spans])
            offsets = tokenizer.encode(row["text"], add_special_tokens=False).offsets
            expected = [span for span in map_slowly(row["text"], offsets, spans) if span]
            assert list(zip(article.entity_start, article.entity_end, strict=True)) == expected
            assert article.counts["entities_without_token"] == len(spans) - len(expected)
            total += len(expected)
        assert total > 1000


def map_overlap_slowly(text, offsets, spans):
    """Map every character to its tokens. A token belongs to the first link that overlaps it."""
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


def map_exact_slowly(text, offsets, spans):
    """The rule of the paper, with a dictionary from characters to the tokens that begin there."""
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
        # two links that touch inside the token "house"
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
        # a word that continues after the link
        (BYTE_FALLBACK, "overlap", "many houses", ["house"], [["▁houses"]], {"entities_that_end_inside_a_token": 1}),
        (
            BYTE_FALLBACK,
            "exact",
            "many houses",
            ["house"],
            [],
            {"entities_that_end_inside_a_token": 1, "entities_without_token": 1},
        ),
        # a token with a leading space begins one character before the link; this does not count as a loss
        (BYTE_FALLBACK, "exact", "the house is", ["house"], [["▁house"]], {}),
        (BYTE_LEVEL, "exact", "the house is", ["house"], [["Ġhouse"]], {}),
        # a single ▁ is a separate token inside a text; at the beginning its offsets are those of the link's first character
        (BYTE_FALLBACK, "exact", "x 東京", ["東京"], [["東", "京"]], {}),
        (BYTE_FALLBACK, "overlap", "x 東京", ["東京"], [["東", "京"]], {}),
        (BYTE_FALLBACK, "exact", "東京", ["東京"], [["▁", "東", "京"]], {}),
        (BYTE_FALLBACK, "overlap", "東京", ["東京"], [["▁", "東", "京"]], {}),
    ],
)
def test_entities_have_their_tokens_and_losses_are_counted(
    encode_text, tokenizers, name, mapping, text, surfaces, found, counted
) -> None:
    article = encode_text(name, mapping, text, *surfaces)
    assert tokens_of_entities(tokenizers[name], article) == found
    assert nonzero_counts(article) == counted


def test_a_name_is_tokenised_separately(encode_text, tokenizers) -> None:
    article = encode_text(BYTE_FALLBACK, "overlap", "x東京", "東京")
    tokenizer = tokenizers[BYTE_FALLBACK]
    assert [[tokenizer.id_to_token(token) for token in ids] for ids in article.name_ids] == [["▁", "東", "京"]]


def test_names_without_tokens_are_left_out_and_counted() -> None:
    tokenizer = Tokenizer(models.BPE(vocab={"a": 0, "b": 1, "ab": 2}, merges=[("a", "b")]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    article = ArticleEncoder(tokenizer).encode("ab 日 ab", [Entity(0, 2, "b"), Entity(3, 4, "a"), Entity(5, 7, "日本")])
    assert article[:4] == ([2, 2], [0], [1], [[1]])
    assert nonzero_counts(article) == {"entities_without_token": 1, "names_without_token": 1}
