"""Make an untrained small Llama with a given tokenizer: `python -m training.tiny --config conf/train/tiny_model.yaml`."""

from spark_jobs.common.command_line import command
from training.model.tiny_model import TinyModelSettings, make_tiny_model

if __name__ == "__main__":
    command(TinyModelSettings, make_tiny_model, "Make an untrained tiny Llama with the tokenizer of an encoded corpus.")
