"""Opening a corpus."""

import pytest

from training.config import DataSettings
from training.data.corpus_errors import CorpusError
from training.data.encoded_corpus import open_corpus


def settings(corpus, **changes):
    return DataSettings(**corpus.data | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokenizer": "letters"}, "tokenizer=letters does not exist; there is tokenizer=words"),
        ({"wikis": ["jawiki", "kowiki"]}, "'kowiki' with pivot 'en' is not in the corpus .*there is wiki=eswiki, wiki=jawiki"),
        ({"pivot": "de"}, "with pivot 'de' is not in the corpus .*there is pivot=en"),
    ],
)
def test_a_missing_corpus_is_refused_with_the_existing_folders(corpus, changes, message):
    with pytest.raises(CorpusError, match=message):
        open_corpus(settings(corpus, **changes))


def test_a_corpus_without_articles_is_refused(fresh_corpus, write_shards):
    write_shards(fresh_corpus, "kowiki", [])
    with pytest.raises(CorpusError, match="kowiki hold no articles"):
        open_corpus(settings(fresh_corpus, wikis=["kowiki"]))
