"""The training job: encoded Parquet -> packed sequences with entity names -> DeepSpeed -> a Hugging Face directory.

The commands are thin: `train`, `preview` (show the training data), `run_page` (draw curves), `tiny` (make a small model) and
`verify_data` (compare checksums). The rooms hold the code, from low to high:

    config      the configuration of a run
    processes   the owner of a run folder, processes that end with others
    data        the encoded corpus on disk          model          weights, tokenizer, adapters, export
    stream      which tokens form sequence k        architectures  sizes, FLOPs, experts, masks
    engine      processes, DeepSpeed, checkpoints
    records     the files that a run writes
    loop        the trainer
    planning    dry run, memory, preview            report         the page of a run

Nothing imports an entry point. Of the data engine, only `spark_jobs.common` and `spark_jobs.contract` are imported.
"""
