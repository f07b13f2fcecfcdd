"""The description of the machine that a benchmark ran on."""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any


def describe_machine(packages: Iterable[str]) -> dict[str, Any]:
    """Returns the processor, the cores, Python and the versions of `packages`, without host names and paths.

    Raises `importlib.metadata.PackageNotFoundError` if a package is not installed.
    """
    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: version(name) for name in packages},
    }


def processor_name() -> str:
    """Returns the model of the processor, or the architecture if the system does not report a model."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def list_packages(machine: dict[str, Any]) -> str:
    """Returns the packages of `describe_machine` as text: `numpy 2.3.1, pyarrow 21.0.0`."""
    return ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
