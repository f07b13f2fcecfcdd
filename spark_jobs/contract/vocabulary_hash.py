"""The identity of a tokenizer's vocabulary: training compares the hash in the shards with that of the model."""

import hashlib
from collections.abc import Mapping


def vocabulary_sha256(vocabulary: Mapping[str, int], size: int) -> str:
    """sha256 over `id TAB token NEWLINE` of the ids below `size`, in ascending order, as UTF-8.

    Tokens added behind the vocabulary (ids >= `size`, such as the tags around inserted names) do not count, so that a model
    which was trained on the shards still matches them.
    """
    digest = hashlib.sha256()
    for token, token_id in sorted(vocabulary.items(), key=lambda item: item[1]):
        if token_id < size:
            digest.update(f"{token_id}\t{token}\n".encode())
    return digest.hexdigest()
