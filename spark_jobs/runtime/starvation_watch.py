"""A warning when tasks wait for a minute and none runs. Spark only logs this, at a level that is not shown."""

import threading

from pyspark import SparkContext

from spark_jobs.common.console import console

_STARVED_SECONDS = 60.0
_has_warned = threading.Event()


class StarvationWatch:
    """Measures how long tasks have waited while none ran."""

    def __init__(self, now: float) -> None:
        self._since = now

    def is_starved(self, now: float, has_tasks: bool, running: int) -> bool:
        """Whether tasks have waited for a minute. `has_tasks`: a stage has tasks left; `running`: running tasks of all stages."""
        if running or not has_tasks:
            self._since = now
        return now - self._since >= _STARVED_SECONDS


def warn_of_starvation(context: SparkContext) -> None:
    """Print the warning, once in a process."""
    if _has_warned.is_set():
        return
    _has_warned.set()
    names = ("spark.executor.cores", "spark.executor.memory")
    wanted = ", ".join(f"{name}={value}" for name in names if (value := context.getConf().get(name)) is not None)
    console.print(
        f"  warning: tasks have waited for a minute and none runs. Unless executors are still starting, no worker has room for "
        f"one ({wanted or 'of the default size'}): request smaller executors, spark-submit --conf spark.executor.cores=1",
        style="yellow", highlight=False, soft_wrap=True,
    )  # fmt: skip
