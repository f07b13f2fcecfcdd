"""A corpus in an object store that is slow and fails: a real S3 server on loopback, with injected failures."""

import random
import threading
import time
from collections import Counter

import boto3
import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from training.config import DataSettings
from training.data import read_retries
from training.data.corpus_errors import CorpusError
from training.data.encoded_corpus import open_corpus
from training.stream.stream_rules import StreamRules
from training.stream.token_stream import Stream

BUCKET = "corpora"
RULES = StreamRules(
    seed=11,
    sequence_length=64,
    global_batch_size=8,
    slots=8,
    shuffle_window=2,
    strategy="right",
    probability=0.5,
    tags=(900, 901),
    bos=1,
    eos=None,
    predict_names=True,
)


class UnreliableStore:
    """moto's S3 behind a wrapper that waits and makes requests fail."""

    def __init__(self):
        self.latency = self.failing = 0.0
        self.cut_short = 0.0
        self.seen = Counter()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._draw = random.Random(0)
        self.server = make_server("127.0.0.1", 0, self, threaded=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.server.server_port}"

    def __call__(self, environ, start_response):
        parquet = ".parquet" in environ["PATH_INFO"]
        time.sleep(self.latency)
        self.seen["requests"] += 1
        if parquet and self._draw.random() < self.failing:
            self.seen["failed"] += 1
            start_response("503 Slow Down", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"]
        body = self._moto(environ, start_response)
        if parquet and environ["REQUEST_METHOD"] == "GET" and self._draw.random() < self.cut_short:
            self.seen["cut short"] += 1
            return [b"".join(body)[:-100]]  # fewer bytes than Content-Length: the connection breaks
        return body


@pytest.fixture(scope="module")
def server():
    store = UnreliableStore()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{store.address}",
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    client.create_bucket(Bucket=BUCKET)
    yield store, client
    store.server.shutdown()


@pytest.fixture
def store(server, monkeypatch):
    monkeypatch.setattr(read_retries, "FIRST_WAIT", 0.01)
    store = server[0]
    store.latency = store.failing = store.cut_short = 0.0
    store.seen.clear()
    return store


@pytest.fixture(scope="module")
def uploaded(server, wide_corpus):
    """The `data` section for the corpus in the store; the AWS client's own retries stay on."""
    store, client = server
    for path in wide_corpus.folder.rglob("*"):
        if path.is_file() and "cache" not in path.parts:
            client.upload_file(str(path), BUCKET, f"wide/{path.relative_to(wide_corpus.folder)}")
    uri = f"s3://key:secret@{BUCKET}/wide?scheme=http&endpoint_override={store.address}"
    return wide_corpus.data | {"corpus": uri, "attempts": 8}


@pytest.fixture(scope="module")
def expected(wide_corpus):
    stream = Stream(open_corpus(DataSettings(**wide_corpus.data)), RULES)
    return [stream.batch(number).digests.tolist() for number in range(10)]


def read(settings, **options):
    iterator = Stream(open_corpus(settings), RULES).batches(**options)
    found = [next(iterator).digests.tolist() for _ in range(10)]
    iterator.close()
    return found


def test_the_stream_from_a_store_is_the_stream_from_a_disk(store, uploaded, expected, tmp_path):
    assert read(DataSettings(**uploaded | {"cache": tmp_path})) == expected


def test_a_slow_and_failing_store_gives_the_same_stream_and_no_row_is_skipped(store, uploaded, expected, tmp_path):
    store.latency, store.failing, store.cut_short = 0.002, 0.1, 0.1
    assert read(DataSettings(**uploaded | {"cache": tmp_path}), workers=2) == expected
    assert store.seen["failed"] > 10
    assert store.seen["cut short"] > 5


def test_a_store_that_stays_down_ends_the_run_with_shard_and_attempts(store, uploaded, tmp_path):
    settings = DataSettings(**uploaded | {"cache": tmp_path, "attempts": 1})
    stream = Stream(open_corpus(settings), RULES)
    store.failing = 1.0
    with pytest.raises(
        CorpusError, match=r"row group \d+ of s3a://.*\.parquet could not be read: 1 of 1 attempts failed.*No data was skipped"
    ):
        stream.batch(0)
    store.failing = 0.0
    assert stream.batch(0).digests.tolist() == Stream(open_corpus(settings), RULES).batch(0).digests.tolist()


def test_a_missing_shard_is_refused_at_once(server, store, uploaded, tmp_path):
    client, key = server[1], "wide/encoded/tokenizer=words/pivot=en/wiki=kowiki/part-00000.parquet"
    kept = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    client.delete_object(Bucket=BUCKET, Key=key)
    try:
        with pytest.raises(CorpusError, match=r"wiki=kowiki/part-00000\.parquet is missing, and the manifest names it"):
            open_corpus(DataSettings(**uploaded | {"cache": tmp_path}))
    finally:
        client.put_object(Bucket=BUCKET, Key=key, Body=kept)
