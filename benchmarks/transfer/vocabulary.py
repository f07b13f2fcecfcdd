"""The vocabulary of the world: a token for each word, so that a city's name is one token in each language.

Spaces only separate words and are no tokens, so a year is the same token in both languages. Japanese words are runs of one
script.
"""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers, trainers

BOS, UNKNOWN = "<s>", "<unk>"
_WORDS = r"\p{Latin}+|\p{Cyrillic}+|\p{Arabic}+|[0-9]+|[ァ-ヶー]+|\p{Han}+|\p{Hiragana}+|."


def train(texts: Iterable[str], most: int) -> Tokenizer:
    """A word-level tokenizer with at most `most` tokens, the most frequent words."""
    tokenizer = Tokenizer(models.WordLevel(vocab={}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\s+"), behavior="removed"),
            pre_tokenizers.Split(Regex(_WORDS), behavior="isolated"),
        ]
    )
    special = [AddedToken(token, special=True, normalized=False) for token in (UNKNOWN, BOS)]
    tokenizer.train_from_iterator(texts, trainers.WordLevelTrainer(vocab_size=most, special_tokens=special, show_progress=False))
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """The tokenizer as a folder that `spark_jobs.encode` reads."""
    from transformers import PreTrainedTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BOS, unk_token=UNKNOWN).save_pretrained(folder)
