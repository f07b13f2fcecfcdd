import pytest

from spark_jobs.tokens.tokenizer_loading import load_tokenizer_source
from spark_jobs.tokens.tokenizer_source import TokenizerSource

SPEC = "package:mistral_common/data/tokenizer.model.v1"


@pytest.fixture(scope="module")
def source() -> TokenizerSource:
    pytest.importorskip("mistral_common")
    return load_tokenizer_source(SPEC, "mistral-7b-v0.1")
