"""Reads the YAML files that are packaged with the code, from a folder and from a zip on `--py-files`."""

from collections.abc import Hashable
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from spark_jobs.common.strict_yaml import refuse_repeated_keys

if TYPE_CHECKING:
    _SafeLoader = yaml.SafeLoader
else:
    _SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the loader in C, where PyYAML has it, is ten times as fast


class _UniqueKeyLoader(_SafeLoader):
    """Safe YAML that refuses a key given twice, which YAML itself forbids and PyYAML accepts."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        refuse_repeated_keys(self, node)
        return super().construct_mapping(node, deep)


def read_packaged_yaml(package: str, name: str) -> Any:
    """The content of the YAML file `name` in `package`, None if there is no such file.

    Raises ValueError, with the file and the line, for invalid YAML and for a key that is given twice.
    """
    resource = files(package) / name
    if not resource.is_file():
        return None
    try:
        return yaml.load(resource.read_bytes(), Loader=_UniqueKeyLoader)  # noqa: S506  (a safe loader)
    except yaml.YAMLError as error:
        raise ValueError(f"{package.replace('.', '/')}/{name} is not valid YAML: {error}") from error
