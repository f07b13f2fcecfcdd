"""Show what a model would be trained on: `python -m training.preview --config conf/train/tiny.yaml`.

First the corpus in tokens, a line for each wiki; then decoded sequences of the stream: names and tags in colour, tokens that the
loss skips dim; then their counts.
"""

from spark_jobs.common.command_line import command
from training.planning.stream_preview import PreviewSettings, show_preview

if __name__ == "__main__":
    command(
        PreviewSettings, show_preview, "Show what a model would be trained on: the corpus in tokens, and sequences in colours."
    )
