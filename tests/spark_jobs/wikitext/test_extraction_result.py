"""The values that `extract` returns, and its error."""

import pickle

from spark_jobs.wikitext import WikitextError


def test_an_error_keeps_its_reason_when_pickled():
    assert pickle.loads(pickle.dumps(WikitextError("too long"))).reason == "too long"
