"""Messages of transformers, huggingface_hub and DeepSpeed on the console."""

import logging
import os
import warnings


def silence_libraries() -> None:
    """Hide start-up messages, progress bars and deprecation warnings of libraries; their other warnings remain.

    Call it before transformers is imported.
    """
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    warnings.filterwarnings("ignore", category=FutureWarning)
    logging.getLogger("DeepSpeed").setLevel(logging.ERROR)
