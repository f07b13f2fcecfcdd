"""Parity with the original: its algorithm, written here from its description, against the stream from shards."""

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
        """From the last link to the first, so that earlier indices stay valid."""
        draw = random.Random(0)
        for start, end, name in reversed(links):
            if draw.random() > self.probability or self.probability == 0 or self.strategy == "none":
                continue
            block = [OPEN, *name, CLOSE] if self.tags else name
            if self.strategy == "left":
                ids = ids[:start] + block + ids[start:]
            elif self.strategy == "right":
                ids = ids[:end] + block + ids[end:]
            else:
                ids = ids[:start] + block + ids[end:]
        return ids

    def run(self, articles):
        """Sequences and labels of all articles, concatenated and cut; a remainder is continued by the next article."""
        rest, sequences, labels, inside = [], [], [], False
        for text, links in articles:
            rest = rest + self.insert(*self.tokenise(text, links))
            while len(rest) >= LENGTH:
                sequence, rest = rest[:LENGTH], rest[LENGTH:]
                row = []
                for token in sequence:
                    if token == OPEN:
                        inside = True
                    masked = token in (OPEN, CLOSE) or (inside and self.mask_names)
                    if token == CLOSE:
                        inside = False
                    row.append(IGNORED if masked else token)
                sequences.append(sequence)
                labels.append(row)
        return sequences, labels


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


@pytest.mark.parametrize("strategy", ["left", "right", "replace", "none"])
@pytest.mark.parametrize("probability", [0.0, 1.0])
@pytest.mark.parametrize(("tags", "mask_names"), [(True, False), (True, True), (False, False)])
def test_the_stream_is_token_for_token_the_originals(opened, articles, tokenizer, strategy, probability, tags, mask_names):
    rules = dataclasses.replace(
        RULES, strategy=strategy, probability=probability, tags=(OPEN, CLOSE) if tags else None, predict_names=not mask_names
    )
    stream = Stream(opened, rules)
    order = [document for epoch in range(2) for document in stream.plan.wikis[0].epoch(epoch).order.tolist()]
    sequences, labels = Original(tokenizer, strategy, probability, tags, mask_names).run([articles[d] for d in order])
    assert len(sequences) > 120
    batches = [stream.batch(number) for number in range(len(sequences))]
    assert [batch.input_ids[0].tolist() for batch in batches] == sequences
    assert [batch.labels[0].tolist() for batch in batches] == labels


def test_the_cases_have_links_that_survive_and_links_that_do_not(opened, articles, tokenizer):
    survivors = sum(len(Original(tokenizer, "right", 1, True, False).tokenise(*article)[1]) for article in articles)
    assert survivors == len(opened.wikis[0].documents.name_lengths)
    assert 30 < survivors < sum(len(links) for _, links in articles) - 30
