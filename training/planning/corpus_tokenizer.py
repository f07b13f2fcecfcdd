"""The tokenizer that the data engine stores beside the shards of a corpus."""

import tempfile
from pathlib import Path

from spark_jobs.common.storage import Location
from spark_jobs.contract.table_schemas import TOKENIZER_FOLDER
from training.config import DataSettings
from training.data.read_retries import read_with_retries
from training.model.protocols import Tokenizer


def load_corpus_tokenizer(settings: DataSettings) -> Tokenizer:
    """Load the tokenizer of a corpus, from any file system."""
    from transformers import AutoTokenizer

    folder = Location.of(settings.corpus) / f"{settings.tokenizer_folder}/{TOKENIZER_FOLDER}"
    with tempfile.TemporaryDirectory() as local:
        for name in read_with_retries(folder.files, folder.uri, settings.attempts):
            (Path(local) / name).write_bytes(
                read_with_retries((folder / name).read_bytes, (folder / name).uri, settings.attempts)
            )
        tokenizer: Tokenizer = AutoTokenizer.from_pretrained(local, trust_remote_code=False)
        return tokenizer
