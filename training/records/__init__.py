"""The files that a run writes beside its checkpoints and its model, and the folder that holds them.

`run_logs` reads and truncates `metrics.jsonl` and `events.jsonl`; `metrics_writer` writes them, and reports to TensorBoard,
Weights & Biases (`wandb_reporting`) and the console. `run_folder` decides whether a run may write into a folder, `run_summary`
writes `run.json`, `step_profiler` writes traces of steps, `page_updates` decides when the run page is drawn again.

Import from the modules. `loop` writes through this room and `report` reads through it. The content of the page is in `report`.
"""
