"""Values from the metrics of a run that a fixture has finished."""


def losses(run):
    """The loss of each step."""
    return [line["loss"] for line in run.metrics]
