"""Evaluate a model: `python -m eval.run --config conf/eval/demo.yaml`.

A finished task is written at once: to continue a run that was stopped, run the same command again. On several GPUs or hosts,
`torchrun --nproc-per-node 8 -m eval.run --config ...` distributes the batches; the results are the same.
"""

from eval.config import EvalSettings
from eval.scoring.evaluation_run import evaluate_model
from spark_jobs.common.command_line import command

if __name__ == "__main__":
    command(EvalSettings, evaluate_model, "Score a causal language model on evaluation tasks with lm-eval.")
