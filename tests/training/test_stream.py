"""The stream from real Parquet: its theorem, its semantics against an independent oracle, and what it refuses."""

import dataclasses
import json
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_jobs.tables import Manifest
from training.config import DataSettings
from training.corpus import CorpusError, check_vocabulary, open_corpus
from training.insertion import IGNORED
from training.plan import StreamRules, document_order
from training.stream import RollingHash, Stream

OPEN, CLOSE = 900, 901
RULES = StreamRules(
    seed=11,
    sequence_length=32,
    shuffle_window=3,
    strategy="right",
    probability=0.5,
    tags=(OPEN, CLOSE),
    bos=1,
    eos=None,
    predict_names=True,
)


@pytest.fixture(scope="module")
def opened(corpus):
    return open_corpus(DataSettings(**corpus.data))


def consume(stream, batch_size, ranks, batches):
    """All tokens and labels in the order of the stream, and the rolling hash, as `ranks` ranks see them together."""
    tokens, targets, rolling = [], [], RollingHash()
    for number in batches:
        parts = [stream.batch(number, batch_size, rank, ranks) for rank in range(ranks)]
        tokens += [part.input_ids for part in parts]
        targets += [part.labels for part in parts]
        rolling.update(np.concatenate([part.digests for part in parts]))
    return np.concatenate(tokens).ravel().tolist(), np.concatenate(targets).ravel().tolist(), rolling.value


# --- the theorem ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ranks", [2, 4, 8])
def test_the_stream_is_the_same_for_every_number_of_ranks(opened, ranks):
    expected = consume(Stream(opened, RULES), 8, 1, range(25))
    assert consume(Stream(opened, RULES), 8, ranks, range(25)) == expected


def test_ranks_with_streams_of_their_own_see_the_same_data(opened):
    streams = [Stream(opened, RULES) for _ in range(4)]
    parts = [[streams[rank].batch(b, 8, rank, 4).input_ids for rank in range(4)] for b in range(10)]
    assert (
        np.concatenate([np.concatenate(p) for p in parts]).ravel().tolist() == consume(Stream(opened, RULES), 8, 1, range(10))[0]
    )


def test_the_tokens_do_not_depend_on_the_size_of_the_batch(opened):
    assert consume(Stream(opened, RULES), 8, 1, range(12))[:2] == consume(Stream(opened, RULES), 24, 3, range(4))[:2]


@pytest.mark.parametrize("stop", [1, 7, 24])
def test_a_restart_continues_where_the_run_stopped(opened, stop):
    whole = consume(Stream(opened, RULES), 8, 1, range(25))
    before, after = consume(Stream(opened, RULES), 8, 2, range(stop)), consume(Stream(opened, RULES), 8, 4, range(stop, 25))
    assert before[0] + after[0] == whole[0]
    assert before[1] + after[1] == whole[1]


def test_a_rolling_hash_continues_from_its_value(opened):
    digests = [Stream(opened, RULES).batch(b, 4).digests for b in range(3)]
    whole = RollingHash()
    for part in digests:
        whole.update(part)
    first = RollingHash()
    first.update(digests[0])
    resumed = RollingHash(first.value)
    resumed.update(digests[1])
    assert resumed.update(digests[2]) == whole.value


@pytest.mark.parametrize("change", [{"seed": 12}, {"strategy": "left"}, {"predict_names": False}, {"shuffle_window": 1}])
def test_the_hash_tells_different_streams_apart(opened, change):
    changed = dataclasses.replace(RULES, **change)
    assert consume(Stream(opened, changed), 8, 1, range(3))[2] != consume(Stream(opened, RULES), 8, 1, range(3))[2]
    assert Stream(opened, changed).fingerprint != Stream(opened, RULES).fingerprint


def test_the_order_of_wikis_in_the_configuration_does_not_matter(corpus, opened):
    swapped = open_corpus(DataSettings(**corpus.data | {"wikis": ["jawiki", "eswiki"]}))
    assert swapped.fingerprint == opened.fingerprint


# --- the semantics -------------------------------------------------------------------------------------------------------


def original(documents, probability, strategy, tags, length, mask_names):
    """The original's algorithm in plain words: BOS and text; names from the last link to the first; concatenate; cut; mask.

    `documents` are rows of the encoded table in the order of the run. Labels are made from the cut sequences alone, by
    reading the tags, as the original's collator does; a sequence that begins inside a name continues the state of the last one.
    """
    stream = []
    for row in documents:
        ids = [1, *row["input_ids"]]
        names = np.split(np.array(row["name_ids"]), np.cumsum(row["name_lengths"])[:-1]) if row["name_lengths"] else []
        links = list(zip(row["entity_start"], row["entity_end"], names, strict=True))
        for start, end, name in reversed(links):
            if probability == 0:
                continue
            block = [OPEN, *name.tolist(), CLOSE] if tags else name.tolist()
            if strategy == "left":
                ids = ids[: start + 1] + block + ids[start + 1 :]
            if strategy == "right":
                ids = ids[: end + 1] + block + ids[end + 1 :]
            if strategy == "replace":
                ids = ids[: start + 1] + block + ids[end + 1 :]
        stream += ids
    sequences = [stream[at : at + length] for at in range(0, len(stream) - length + 1, length)]
    labels, inside = [], False
    for sequence in sequences:
        labels.append([])
        for token in sequence:
            inside = (inside or token == OPEN) and token != CLOSE
            masked = token in (OPEN, CLOSE) or (inside and mask_names)
            labels[-1].append(IGNORED if masked else token)
    return sequences, labels


@pytest.mark.parametrize("strategy", ["left", "right", "replace", "none"])
@pytest.mark.parametrize("probability", [0.0, 1.0])
@pytest.mark.parametrize(("tags", "mask_names"), [(True, False), (True, True), (False, False)])
def test_the_stream_is_the_originals_for_the_same_order_of_documents(corpus, opened, strategy, probability, tags, mask_names):
    rows = [row for wiki in sorted(corpus.rows) for row in corpus.rows[wiki]]
    offsets = opened.documents.row_group_offsets
    order = [document for epoch in range(3) for document in document_order(offsets, RULES.seed, epoch, RULES.shuffle_window)]
    documents = [rows[document] for document in order]
    p = 0.0 if strategy == "none" else probability
    sequences, labels = original(documents, p, strategy, tags, RULES.sequence_length, mask_names)
    assert len(sequences) > 200
    rules = dataclasses.replace(
        RULES, strategy=strategy, probability=probability, tags=(OPEN, CLOSE) if tags else None, predict_names=not mask_names
    )
    batch = Stream(opened, rules).batch(0, len(sequences))
    assert batch.input_ids.tolist() == sequences
    assert batch.labels.tolist() == labels


def test_the_case_holds_sequences_that_are_cut_inside_a_name(opened):
    batch = Stream(opened, dataclasses.replace(RULES, probability=1.0, predict_names=False)).batch(0, 100)
    cut = [
        k
        for k, (before, after) in enumerate(pairwise(batch.labels.tolist()))
        if before[-1] == after[0] == IGNORED and batch.input_ids[k, -1] != CLOSE and batch.input_ids[k + 1, 0] != OPEN
    ]
    assert cut
    k = cut[0] + 1
    end = batch.input_ids[k].tolist().index(CLOSE)
    assert OPEN not in batch.input_ids[k, :end]
    assert (batch.labels[k, : end + 1] == IGNORED).all()
    assert batch.labels[k, end + 1] in (batch.input_ids[k, end + 1], IGNORED)


def test_names_are_inserted_at_about_half_of_the_links_and_at_others_in_the_next_epoch(opened):
    stream = Stream(opened, RULES)
    first, second = stream.plan.chosen(0), stream.plan.chosen(1)
    assert 0.35 < first.mean() < 0.65
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize("strategy", ["left", "right", "replace", "none"])
@pytest.mark.parametrize(("bos", "eos"), [(1, None), (None, 2), (1, 2), (None, None)])
def test_counters_add_up_over_an_epoch_and_bos_and_eos_frame_every_document(opened, strategy, bos, eos):
    rules = dataclasses.replace(RULES, strategy=strategy, bos=bos, eos=eos, sequence_length=8)
    stream = Stream(opened, rules)
    size = stream.plan.epoch_begin(1)
    assert size == stream.plan.lengths(0).sum()
    whole = Stream(opened, dataclasses.replace(rules, sequence_length=size)).batch(0, 1)  # one sequence is the epoch
    chosen = stream.plan.chosen(0)
    links_of_wiki = [np.repeat(opened.documents.wiki, np.diff(opened.documents.link_offsets)) == wiki for wiki in (0, 1)]
    assert whole.counts[:, 0].sum() == size
    assert whole.counts[:, 1].tolist() == [2 * (chosen & own).sum() for own in links_of_wiki]
    assert whole.counts[:, 2].tolist() == [own.sum() for own in links_of_wiki]
    assert whole.counts[:, 3].tolist() == [(chosen & own).sum() for own in links_of_wiki]
    tokens = whole.input_ids[0]
    assert (tokens == 1).sum() == (72 if bos else 0)
    assert (tokens == 2).sum() == (72 if eos else 0)
    if bos and eos:
        assert tokens[0] == 1
        assert tokens[-1] == 2
        assert (tokens[np.flatnonzero(tokens == 2)[:-1] + 1] == 1).all()
    # The same links, counted sequence by sequence.
    pieces = Stream(opened, rules).batch(0, size // 8).counts
    assert (pieces <= whole.counts).all()
    assert (whole.counts.sum(axis=0) - pieces.sum(axis=0) <= 8).all()


@pytest.mark.parametrize("strategy", ["left", "replace"])
@pytest.mark.parametrize(("bos", "eos"), [(1, None), (1, 2), (None, None)])
def test_a_link_is_counted_in_the_sequence_where_its_name_begins(opened, strategy, bos, eos):
    stream = Stream(opened, dataclasses.replace(RULES, strategy=strategy, probability=1.0, bos=bos, eos=eos, sequence_length=8))
    for k in range(400):
        batch = stream.batch(k, 1)
        opened_here = (batch.input_ids == OPEN).sum()
        assert batch.counts[:, 2:].sum(axis=0).tolist() == [opened_here, opened_here]


# --- what is refused -----------------------------------------------------------------------------------------------------


def settings(corpus, **changes):
    return DataSettings(**corpus.data | changes)


def rewrite_manifest(corpus, wiki, **changes):
    path = corpus.wiki(wiki) / "_manifest.json"
    content = json.loads(path.read_text()) | changes
    path.write_text(Manifest.model_validate(content).model_dump_json())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokenizer": "letters"}, "tokenizer=letters does not exist; there is tokenizer=words"),
        ({"wikis": ["jawiki", "kowiki"]}, "'kowiki' with pivot 'en' is not in the corpus .*there is wiki=eswiki, wiki=jawiki"),
        ({"pivot": "de"}, "with pivot 'de' is not in the corpus .*there is pivot=en"),
    ],
)
def test_a_corpus_that_is_not_there_is_refused_with_what_is(corpus, changes, message):
    with pytest.raises(CorpusError, match=message):
        open_corpus(settings(corpus, **changes))


def test_a_folder_without_manifest_is_refused(fresh_corpus):
    (fresh_corpus.wiki("jawiki") / "_manifest.json").unlink()
    with pytest.raises(CorpusError, match=r"_manifest\.json does not exist: nothing was published"):
        open_corpus(settings(fresh_corpus))


def test_a_manifest_that_is_cut_off_is_refused(fresh_corpus):
    path = fresh_corpus.wiki("jawiki") / "_manifest.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(CorpusError, match="the manifest cannot be read"):
        open_corpus(settings(fresh_corpus))


def test_a_missing_shard_is_refused(fresh_corpus):
    (fresh_corpus.wiki("jawiki") / "part-00001.parquet").unlink()
    with pytest.raises(CorpusError, match=r"part-00001\.parquet is missing, and the manifest names it; build the wiki again"):
        open_corpus(settings(fresh_corpus))


def test_a_shard_of_another_size_is_refused(fresh_corpus):
    path = fresh_corpus.wiki("jawiki") / "part-00001.parquet"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(CorpusError, match=rf"part-00001\.parquet has {size + 1} bytes, the manifest says {size}"):
        open_corpus(settings(fresh_corpus))


def test_a_shard_that_the_manifest_does_not_name_is_refused(fresh_corpus):
    (fresh_corpus.wiki("jawiki") / "part-00009.parquet").write_bytes(b"x")
    with pytest.raises(CorpusError, match=r"part-00009\.parquet is not named by the manifest"):
        open_corpus(settings(fresh_corpus))


def test_another_major_version_of_the_contract_is_refused(fresh_corpus):
    rewrite_manifest(fresh_corpus, "jawiki", schema_version="2.0")
    with pytest.raises(CorpusError, match=r"has schema version '2\.0'; this code reads 1\.x: rebuild the table"):
        open_corpus(settings(fresh_corpus))


def test_another_table_is_refused(fresh_corpus):
    rewrite_manifest(fresh_corpus, "jawiki", table="links")
    with pytest.raises(CorpusError, match="holds the table 'links'; training reads 'encoded'"):
        open_corpus(settings(fresh_corpus))


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"leia.schema_version": "2.3"}, r"schema version '2\.3'"),
        ({"leia.tokenizer": "{}"}, "does not say which tokenizer made it"),
    ],
)
def test_a_shard_with_a_foreign_footer_is_refused(fresh_corpus, write_shards, metadata, message):
    write_shards(fresh_corpus, "kowiki", fresh_corpus.rows["jawiki"], metadata)
    with pytest.raises(CorpusError, match=message):
        open_corpus(settings(fresh_corpus, wikis=["kowiki"]))


def test_wikis_of_different_tokenizers_are_refused(fresh_corpus, write_shards):
    other = {"name": "words", "vocab_size": 63, "vocabulary_sha256": "f" * 64, "id_type": "uint16"}
    write_shards(fresh_corpus, "kowiki", fresh_corpus.rows["jawiki"], {"leia.tokenizer": json.dumps(other)})
    with pytest.raises(
        CorpusError, match=r"eswiki/part-00000\.parquet and kowiki/part-00000\.parquet were encoded by different tokenizers"
    ):
        open_corpus(settings(fresh_corpus, wikis=["eswiki", "kowiki"]))


def test_a_column_of_another_type_is_refused(fresh_corpus):
    path = fresh_corpus.wiki("jawiki") / "part-00000.parquet"
    table = pq.read_table(path)
    at = table.schema.get_field_index("num_tokens")
    pq.write_table(table.set_column(at, "num_tokens", table["num_tokens"].cast(pa.int64())), path)
    manifest = json.loads((fresh_corpus.wiki("jawiki") / "_manifest.json").read_text())
    manifest["shards"][0]["bytes"] = path.stat().st_size
    rewrite_manifest(fresh_corpus, "jawiki", shards=manifest["shards"])
    with pytest.raises(CorpusError, match="column num_tokens is int64, the contract says int32"):
        open_corpus(settings(fresh_corpus))


def test_a_corpus_without_articles_is_refused(fresh_corpus, write_shards):
    write_shards(fresh_corpus, "kowiki", [])
    with pytest.raises(CorpusError, match="kowiki hold no articles"):
        open_corpus(settings(fresh_corpus, wikis=["kowiki"]))


def test_a_wiki_without_articles_does_no_harm_beside_others(fresh_corpus, write_shards, opened):
    write_shards(fresh_corpus, "kowiki", [])
    with_empty = open_corpus(settings(fresh_corpus, wikis=["eswiki", "jawiki", "kowiki"]))
    assert Stream(with_empty, RULES).batch(0, 8).input_ids.tolist() == Stream(opened, RULES).batch(0, 8).input_ids.tolist()


def test_a_model_with_another_vocabulary_is_refused(opened):
    with pytest.raises(
        CorpusError, match=r"the tokenizer of some/model \(2 tokens, .* is not the one of the shards \('words', 63 tokens"
    ):
        check_vocabulary(opened.tokenizer, {"a": 0, "b": 1}, "some/model")


def test_tokens_behind_the_vocabulary_do_not_matter(opened, corpus):
    vocabulary = json.loads((corpus.tokenizer / "tokenizer.json").read_text())["model"]["vocab"]
    check_vocabulary(opened.tokenizer, vocabulary | {"<translate>": 63, "</translate>": 64}, "some/model")
