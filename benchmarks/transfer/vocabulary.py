"""The vocabulary of the world: one token for each word, so that a city's name is one token in each language.

Spaces separate words and are not tokens, so a year is the same token in both languages. Japanese words are runs of one script.
"""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers, trainers

BOS, UNKNOWN = "<s>", "<unk>"
_WORDS = r"\p{Latin}+|\p{Cyrillic}+|\p{Arabic}+|[0-9]+|[ァ-ヶー]+|\p{Han}+|\p{Hiragana}+|."


def train_vocabulary(texts: Iterable[str], max_tokens: int) -> Tokenizer:
    """Returns a word-level tokenizer of the most frequent words, with at most `max_tokens` tokens."""
    tokenizer = Tokenizer(models.WordLevel(vocab={}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\s+"), behavior="removed"),
            pre_tokenizers.Split(Regex(_WORDS), behavior="isolated"),
        ]
    )
    special = [AddedToken(token, special=True, normalized=False) for token in (UNKNOWN, BOS)]
    trainer = trainers.WordLevelTrainer(vocab_size=max_tokens, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Writes the tokenizer as a folder that `spark_jobs.encode` reads."""
    from transformers import PreTrainedTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BOS, unk_token=UNKNOWN).save_pretrained(folder)
