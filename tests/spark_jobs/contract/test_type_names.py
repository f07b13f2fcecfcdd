"""Names of Arrow types in documentation and in dataset cards."""

import pyarrow as pa
import pytest

from spark_jobs.contract.type_names import hub_features, type_text


@pytest.mark.parametrize(
    ("kind", "text", "feature"),
    [
        (pa.int64(), "int64", {"dtype": "int64"}),
        (pa.bool_(), "bool", {"dtype": "bool"}),
        (pa.timestamp("ms", "UTC"), "timestamp[ms, tz=UTC]", {"dtype": "timestamp[ms, tz=UTC]"}),
        (pa.list_(pa.uint16()), "list[uint16]", {"list": "uint16"}),
        (pa.struct({"a": pa.int32()}), "{a int32}", {"struct": [{"name": "a", "dtype": "int32"}]}),
        (pa.list_(pa.struct({"a": pa.string()})), "list[{a string}]", {"list": [{"name": "a", "dtype": "string"}]}),
    ],
    ids=str,
)
def test_a_type_has_a_name_in_documentation_and_on_the_hub(kind, text, feature) -> None:
    assert type_text(kind) == text
    assert hub_features([pa.field("x", kind)]) == [{"name": "x", **feature}]
