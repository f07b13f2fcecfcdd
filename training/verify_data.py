"""Read every byte of a corpus and compare checksums: `python -m training.verify_data --config conf/train/tiny.yaml`."""

from spark_jobs.common.command_line import command
from training.config import TrainSettings
from training.data.shard_checksums import verify_shards

if __name__ == "__main__":
    command(
        TrainSettings,
        verify_shards,
        "Read every byte of an encoded corpus and compare it with the checksums of its manifests.",
    )
