"""Names of Arrow types elsewhere: in documentation, in dataset cards of the Hugging Face hub, in Croissant."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa


def type_text(kind: pa.DataType) -> str:
    """A type for documentation.

    >>> type_text(pa.list_(pa.struct({"start": pa.int32(), "names": pa.list_(pa.string())})))
    'list[{start int32, names list[string]}]'
    """
    if pa.types.is_list(kind):
        return f"list[{type_text(kind.value_type)}]"
    if pa.types.is_struct(kind):
        return "{" + ", ".join(f"{field.name} {type_text(field.type)}" for field in kind) + "}"
    return str(kind)


def hub_features(fields: Iterable[pa.Field]) -> list[dict[str, Any]]:
    """`dataset_info.features` of a dataset card, in the format of `datasets` 4 and later.

    >>> hub_features(pa.schema({"id": pa.int64(), "names": pa.list_(pa.struct({"language": pa.string()}))}))
    [{'name': 'id', 'dtype': 'int64'}, {'name': 'names', 'list': [{'name': 'language', 'dtype': 'string'}]}]
    """
    return [{"name": field.name, **_hub_type(field.type)} for field in fields]


def _hub_type(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        inner = _hub_type(kind.value_type)
        return {"list": next(iter(inner.values()))}
    if pa.types.is_struct(kind):
        return {"struct": hub_features(kind)}
    return {"dtype": "bool" if pa.types.is_boolean(kind) else str(kind)}


_CROISSANT = {
    pa.bool_(): "sc:Boolean",
    pa.string(): "sc:Text",
    pa.int32(): "cr:Int32",
    pa.int64(): "cr:Int64",
    pa.uint16(): "cr:UInt16",
    pa.uint32(): "cr:UInt32",
}


def croissant_type(kind: pa.DataType) -> str:
    """Croissant's `dataType` of a scalar type. Raises KeyError for a type that the contract does not use."""
    return "sc:DateTime" if pa.types.is_timestamp(kind) else _CROISSANT[kind]
