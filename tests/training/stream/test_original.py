"""Parity with the original: its algorithm, written here from its description, against the stream from shards.

Where names are not to be predicted, the original's collator looks at the tokens of one row at a time: it masks the tokens after
an opening tag, up to the closing one, and begins each row outside. The remainder of a name that a cut carried into the next row
is predicted then, and so is every name without tags. The stream knows which tokens are names and masks them all. The tests have
both rules, and compare where they differ.
"""

import dataclasses
import random
import re

import pytest

from spark_jobs.tokens.article_encoder import ArticleEncoder, Entity
from spark_jobs.tokens.tokenizer_loading import load_tokenizer_source
from training.config import DataSettings
from training.data.encoded_corpus import open_corpus
from training.stream.name_insertion import IGNORED
from training.stream.stream_rules import StreamRules
from training.stream.token_stream import Stream

BOS, OPEN, CLOSE = 1, 32_000, 32_001
LENGTH = 48
WORDS = (
    *(
        "アインシュタイン",
        "は",
        "、",
        "理論",
        "物理学",
        "の",
        "学者",
        "である",
        "。",
        "ドイツ",
        "ノーベル賞",
        "を",
        "受賞",
        "した",
        "東京",
    ),
    *(" el", " físico", " alemán", " Einstein", " ganó", " premio", " Nobel", ".", "\n", " de", " la", " música", " universidad"),
)
NAMES = [
    "Albert Einstein",
    "Germany",
    "Theoretical physics",
    "Nobel Prize",
    "Tokyo",
    "Music",
    "University (institution)",
    "List of x",
]


def make_articles(count):
    """(text, links as (start, end, English title)); links begin and end where words do, or inside them."""
    rng = random.Random(3)
    articles = []
    for _ in range(count):
        text = "".join(rng.choice(WORDS) for _ in range(rng.randrange(5, 120)))
        bounds = sorted(rng.sample(range(len(text)), min(2 * rng.randrange(0, 9), len(text) // 4 * 2)))
        links = [(start, end, rng.choice(NAMES)) for start, end in zip(bounds[0::2], bounds[1::2], strict=True)]
        articles.append((text, links))
    return articles


class Original:
    """The original's algorithm, from its description in words: an article at a time, a token at a time."""

    def __init__(self, tokenizer, strategy, probability, tags, mask_names):
        self.tokenizer, self.strategy, self.probability = tokenizer, strategy, probability
        self.tags, self.mask_names = tags, mask_names

    def tokenise(self, text, links):
        """A link survives only if it begins where a token begins, and ends where a later one begins or the text ends."""
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        begins = {}
        for index, (start, _) in enumerate(encoding.offsets):
            begins.setdefault(start, index)
        for index, (start, end) in enumerate(encoding.offsets):
            # A token that starts with a space also starts one character later; a single space does not
            # (spark_jobs.tokens.span_mapping).
            if end - start > 1 and text[start] == " ":
                begins.setdefault(start + 1, index)
        begins[len(text)] = len(encoding.ids)
        survivors = []
        for start, end, title in links:
            name = re.sub(r"\(.*?\)", "", title).strip()
            if start in begins and end in begins and begins[start] < begins[end] and not name.startswith("List of"):
                name_ids = self.tokenizer.encode(name, add_special_tokens=False).ids
                survivors.append((begins[start] + 1, begins[end] + 1, name_ids))  # after BOS
        return [BOS, *encoding.ids], survivors

    def insert(self, ids, links):
        """(token, whether it is in a name) of an article; from the last link to the first, so that earlier indices stay valid."""
        draw = random.Random(0)
        tokens = [(token, False) for token in ids]
        for start, end, name in reversed(links):
            if draw.random() > self.probability or self.probability == 0 or self.strategy == "none":
                continue
            block = [(token, True) for token in name]
            if self.tags:
                block = [(OPEN, False), *block, (CLOSE, False)]
            at = end if self.strategy == "right" else start
            tokens[at : end if self.strategy == "replace" else at] = block
        return tokens

    def run(self, articles):
        """Rows of all articles, concatenated and cut; a remainder is continued by the next article."""
        rest, rows = [], []
        for text, links in articles:
            rest = rest + self.insert(*self.tokenise(text, links))
            while len(rest) >= LENGTH:
                rows.append(rest[:LENGTH])
                rest = rest[LENGTH:]
        return rows

    def label_by_tags(self, row):
        """The labels of a row by the original's rule: whether a token is in a name follows from the tags of this row alone."""
        inside, labels = False, []
        for token, _ in row:
            inside = (inside or token == OPEN) and token != CLOSE
            masked = token in (OPEN, CLOSE) or (inside and self.mask_names)
            labels.append(IGNORED if masked else token)
        return labels

    def label_by_kind(self, row):
        """The labels of a row by the stream's rule: a token that was inserted as part of a name is in a name."""
        return [IGNORED if token in (OPEN, CLOSE) or (named and self.mask_names) else token for token, named in row]


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer_source("package:mistral_common/data/tokenizer.model.v1", "mistral").load()


@pytest.fixture(scope="module")
def articles():
    return make_articles(60)


@pytest.fixture(scope="module")
def opened(tmp_path_factory, articles, tokenizer, write_shards_to):
    encoder, rows = ArticleEncoder(tokenizer, "exact"), []
    for page_id, (text, links) in enumerate(articles):
        named = [(start, end, re.sub(r"\(.*?\)", "", title).strip()) for start, end, title in links]
        entities = [Entity(*link) for link in named if not link[2].startswith("List of")]
        article = encoder.encode(text, entities)
        lengths = [len(name) for name in article.name_ids]
        rows.append(
            {
                "page_id": page_id,
                "num_tokens": len(article.input_ids),
                "input_ids": article.input_ids,
                "entity_start": article.entity_start,
                "entity_end": article.entity_end,
                "name_lengths": lengths,
                "name_ids": [token for name in article.name_ids for token in name],
            }
        )
    corpus = write_shards_to(tmp_path_factory.mktemp("original"), "jawiki", rows)
    return open_corpus(DataSettings(**corpus.data))


RULES = StreamRules(
    seed=5,
    sequence_length=LENGTH,
    global_batch_size=1,
    slots=1,
    shuffle_window=2,
    strategy="right",
    probability=1.0,
    tags=(OPEN, CLOSE),
    bos=BOS,
    eos=None,
    predict_names=True,
)


STRATEGIES = ["left", "right", "replace", "none"]


@pytest.fixture
def compare(opened, articles, tokenizer):
    """`compare(strategy, …)` requires that tokens are equal; returns the original, its rows, and the stream's labels."""

    def run(strategy, probability, tags, mask_names):
        rules = dataclasses.replace(
            RULES, strategy=strategy, probability=probability, tags=(OPEN, CLOSE) if tags else None, predict_names=not mask_names
        )
        stream = Stream(opened, rules)
        order = [document for epoch in range(2) for document in stream.plan.wikis[0].epoch(epoch).order.tolist()]
        original = Original(tokenizer, strategy, probability, tags, mask_names)
        rows = original.run([articles[d] for d in order])
        assert len(rows) > 120
        batches = [stream.batch(number) for number in range(len(rows))]
        assert [batch.input_ids[0].tolist() for batch in batches] == [[token for token, _ in row] for row in rows]
        return original, rows, [batch.labels[0].tolist() for batch in batches]

    return run


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("probability", [0.0, 1.0])
@pytest.mark.parametrize("tags", [True, False])
def test_with_names_predicted_the_stream_is_token_and_label_the_originals(compare, strategy, probability, tags):
    original, rows, labels = compare(strategy, probability, tags, mask_names=False)
    assert labels == [original.label_by_tags(row) for row in rows] == [original.label_by_kind(row) for row in rows]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("probability", [0.0, 1.0])
@pytest.mark.parametrize("tags", [True, False])
def test_names_that_are_not_predicted_are_all_masked(compare, strategy, probability, tags):
    original, rows, labels = compare(strategy, probability, tags, mask_names=True)
    assert labels == [original.label_by_kind(row) for row in rows]
    if probability == 0 or strategy == "none":
        assert labels == [original.label_by_tags(row) for row in rows]


@pytest.mark.parametrize("strategy", ["left", "right", "replace"])
def test_the_original_predicts_the_remainder_of_a_name_after_a_cut_and_nothing_else_differs(compare, strategy):
    original, rows, labels = compare(strategy, 1.0, tags=True, mask_names=True)
    differing = 0
    for before, row, ours in zip([[], *rows], rows, labels, strict=False):
        continued = next((at for at, (_, named) in enumerate(row) if not named), LENGTH)
        if not before or not (before[-1][1] or before[-1][0] == OPEN):
            continued = 0  # the row before does not end inside a name
        theirs = original.label_by_tags(row)
        assert theirs[:continued] == [token for token, _ in row[:continued]]
        assert ours == [IGNORED] * continued + theirs[continued:]
        differing += continued > 0
    assert differing >= 5, "the cases have names that a cut divides"


@pytest.mark.parametrize("strategy", ["left", "right", "replace"])
def test_the_original_masks_nothing_without_tags(compare, strategy):
    original, rows, labels = compare(strategy, 1.0, tags=False, mask_names=True)
    assert [original.label_by_tags(row) for row in rows] == [[token for token, _ in row] for row in rows]
    assert sum(label == IGNORED for row in labels for label in row) == sum(named for row in rows for _, named in row) > 300


def test_the_cases_have_links_that_survive_and_links_that_do_not(opened, articles, tokenizer):
    survivors = sum(len(Original(tokenizer, "right", 1, True, False).tokenise(*article)[1]) for article in articles)
    assert survivors == len(opened.wikis[0].documents.name_lengths)
    assert 30 < survivors < sum(len(links) for _, links in articles) - 30
