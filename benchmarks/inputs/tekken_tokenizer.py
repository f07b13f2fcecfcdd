"""Convert a tekken file of mistral-common (byte-level BPE, 131,072 ids) to a tokenizer: a real vocabulary above 65,536.

Only for tests and benchmarks: the file lacks the names of the control tokens, so this is not the vocabulary of a published model.
"""

import base64
import json
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from spark_jobs.tokens.sentencepiece_conversion import derive_bpe_merges


def read_tekken(path: Path) -> Tokenizer:
    """Returns the tokenizer of a tekken file, with the same ids as in mistral-common."""
    data = json.loads(path.read_text(encoding="utf-8"))
    config = data["config"]
    controls = int(config["default_num_special_tokens"])
    letters = byte_letters()
    ranked = data["vocab"][: config["default_vocab_size"] - controls]
    pieces = ["".join(letters[byte] for byte in base64.b64decode(entry["token_bytes"])) for entry in ranked]
    vocabulary = {piece: controls + rank for rank, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=derive_bpe_merges(pieces), ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(config["pattern"]), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def byte_letters() -> list[str]:
    """Returns the letter of each byte in byte-level vocabularies: the byte itself if printable, else a letter from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]
