"""The training job: encoded Parquet -> packed sequences with entity names -> DeepSpeed -> a Hugging Face directory."""
