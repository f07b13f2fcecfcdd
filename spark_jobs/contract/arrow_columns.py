"""Conversion of Arrow columns to the types of the contract, and construction of list columns."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def conform(batch: pa.RecordBatch | pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of `schema`, in its order and with its types; other columns are left out.

    Spark's arrays and structs have nullable fields, and it has no unsigned integers: types are rebuilt from the leaves up.
    Raises `pa.ArrowInvalid` for a value that does not fit its type and ValueError for a null where the schema allows none.
    """
    columns = []
    for field in schema:
        column = batch.column(field.name)
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        columns.append(_conform(column, field, field.name))
    return pa.Table.from_arrays(columns, schema=schema)


def _conform(array: pa.Array, field: pa.Field, name: str) -> pa.Array:
    if array.null_count and not field.nullable:
        raise ValueError(f"{name}: {array.null_count} nulls in a column of type {field.type} that allows none")
    if array.type == field.type:
        return array
    if pa.types.is_list(field.type):
        inner = field.type.value_field
        values = _conform(array.flatten(), inner, f"{name}.{inner.name}")
        return list_array(pc.fill_null(pc.list_value_length(array), 0).to_numpy(), values, field.type, _validity(array))
    if pa.types.is_struct(field.type):
        children = [_conform(pc.struct_field(array, inner.name), inner, f"{name}.{inner.name}") for inner in field.type]
        return pa.StructArray.from_arrays(children, fields=list(field.type), mask=_validity(array))
    return array.cast(field.type)


def _validity(array: pa.Array) -> pa.Array | None:
    return pc.is_null(array) if array.null_count else None


def list_array(lengths: npt.NDArray[Any], values: pa.Array, kind: pa.DataType, mask: pa.Array | None = None) -> pa.Array:
    """Lists of the given lengths, cut from consecutive `values`.

    >>> list_array(np.array([2, 0, 1]), pa.array([7, 8, 9], pa.int32()), pa.list_(pa.int32())).to_pylist()
    [[7, 8], [], [9]]
    """
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=kind, mask=mask)
