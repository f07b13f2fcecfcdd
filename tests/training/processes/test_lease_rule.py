"""The rule by which a run folder is free, held or abandoned."""

import doctest

import pytest

from training.processes import lease_rule
from training.processes.lease_rule import Lease, WatchedRank, decide_lease

LIVES, ENDED = WatchedRank(ended=False), WatchedRank(ended=True)
SILENT, WATCHED, BEATS = (WatchedRank(None, *seen) for seen in ((False, 120.0), (False, 119.0), (True, 1.0)))


def test_the_worked_example_holds():
    assert doctest.testmod(lease_rule).failed == 0


@pytest.mark.parametrize(
    ("ranks", "lease"),
    [
        ([], Lease.FREE),
        ([ENDED, ENDED, LIVES], Lease.HELD),
        ([ENDED, SILENT], Lease.ABANDONED),
        ([ENDED, BEATS], Lease.HELD),
        ([WATCHED, SILENT], Lease.UNKNOWN),
        ([WATCHED, LIVES], Lease.HELD),
        ([WatchedRank(ended=False, unchanged=1e6)], Lease.HELD),  # a process that is there and stopped
        ([WatchedRank(ended=None, changed=True, unchanged=121.0)], Lease.ABANDONED),  # a machine that was lost meanwhile
    ],
)
def test_a_folder_is_held_while_one_rank_lives_and_abandoned_when_all_have_ended(ranks, lease):
    assert decide_lease(ranks) is lease
    assert decide_lease(ranks[::-1]) is lease
