"""Scoring a model: the run over all tasks, lm-eval's part, log-likelihoods, generation, several processes, fingerprints.

`evaluation_run.evaluate_model` does all of it; import from the modules. Tasks are in `tasks`, the forms of written files in
`results`.
"""
