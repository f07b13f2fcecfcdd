"""The environment that lm-eval and its libraries run in: no progress bars, no notes, and offline if all data are local."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def use_quiet_environment(offline: bool) -> Iterator[None]:
    """Within it, the libraries print neither bars nor notes; with `offline`, those of the hub do not use the network."""
    changed = {"TQDM_DISABLE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false"}
    if offline:
        changed |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    logger = logging.getLogger("lm_eval")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
