"""Reads the YAML files that are packaged with the code, from a folder and from a zip on `--py-files`."""

from collections.abc import Hashable
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    _SafeLoader = yaml.SafeLoader
else:
    _SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the loader in C, where PyYAML has it, is ten times as fast


class _UniqueKeyLoader(_SafeLoader):
    """Safe YAML that refuses a key given twice, which YAML itself forbids and PyYAML accepts."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is given twice", key_node.start_mark)
            seen.add(key)
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
