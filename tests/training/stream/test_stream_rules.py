"""The fingerprint of a stream covers every rule and the data."""

import dataclasses

import pytest

from training.stream.stream_rules import StreamRules, identity_differences, identity_fingerprint, stream_identity

from .synthetic_documents import RULES


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 4},
        {"sequence_length": 32},
        {"global_batch_size": 12},
        {"slots": 2},
        {"shuffle_window": 3},
        {"strategy": "left"},
        {"probability": 0.4},
        {"tags": None},
        {"bos": None},
        {"eos": 2},
        {"predict_names": False},
        {"mask_documents": True},
        {"temperature": 2.0},
        {"weights": (("jawiki", 1.0),)},
        {"held_out": 0.1},
        {"part": "held_out"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_rule_is_part_of_the_fingerprint(change):
    assert set(change) <= {field.name for field in dataclasses.fields(StreamRules)}
    changed = stream_identity({"jawiki": "data"}, dataclasses.replace(RULES, **change))
    assert identity_fingerprint(changed) != identity_fingerprint(stream_identity({"jawiki": "data"}, RULES))
    assert len(identity_differences(stream_identity({"jawiki": "data"}, RULES), changed)) == 1


def test_all_rules_have_a_case_above():
    marks = {name for mark in test_every_rule_is_part_of_the_fingerprint.pytestmark for change in mark.args[1] for name in change}
    assert marks == {field.name for field in dataclasses.fields(StreamRules)}


def test_the_data_is_part_of_the_fingerprint():
    assert identity_fingerprint(stream_identity({"jawiki": "data"}, RULES)) != identity_fingerprint(
        stream_identity({"jawiki": "other"}, RULES)
    )
    assert identity_fingerprint(stream_identity({"a": "1", "b": "2"}, RULES)) == identity_fingerprint(
        stream_identity({"b": "2", "a": "1"}, RULES)
    )
