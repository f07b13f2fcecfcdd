"""The tokenizer beside the shards of a corpus."""

import pytest

from training.config import DataSettings
from training.data.corpus_errors import CorpusError
from training.planning.corpus_tokenizer import load_corpus_tokenizer


def test_a_corpus_without_its_tokenizer_is_an_error_with_the_folder(corpus):
    settings = DataSettings(**corpus.data | {"tokenizer": "letters"})
    with pytest.raises(CorpusError, match=r"encoded/tokenizer=letters/_tokenizer could not be read"):
        load_corpus_tokenizer(settings)


def test_the_tokenizer_is_the_one_that_the_engine_stored(corpus):
    tokenizer = load_corpus_tokenizer(DataSettings(**corpus.data))
    assert tokenizer.encode("w0 w59 other", add_special_tokens=False) == [3, 62, 0]
    assert (len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id) == (63, 1, 2)
