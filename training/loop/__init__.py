"""Training: from a configuration to the exported model.

`trainer.train` is the whole run, to be read from top to bottom. `run_preparation` checks and loads; `training_steps` makes steps,
each by `optimizer_step`; `skip_guard` has the rule by which a step is skipped, and `divergence` the error of a run that skips too
many. `measurements` runs between steps: `held_out_loss` and `task_scoring`. `kept_parts` is read before the model is exported.
`exit_codes` and `rank_errors` end the process.

Import from the modules. Nothing here draws a page or estimates memory: the entry point hands in both.
"""
