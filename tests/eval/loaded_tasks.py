"""Tasks by name as lm-eval loads them for a run."""

from eval.config import EvalSettings
from eval.scoring.lm_eval_tasks import load_tasks
from eval.scoring.task_requests import request_tasks
from eval.tasks.task_catalogue import read_catalogue, tasks_folder


def load(data_dir, *names, **options):
    catalogue = read_catalogue(tasks_folder())
    settings = EvalSettings(model="m", tasks=list(names), output_dir="o", data_dir=data_dir, **options)
    return load_tasks(request_tasks([catalogue[name] for name in names], settings.num_fewshot), settings)
