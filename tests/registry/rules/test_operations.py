"""Operation ids; how apply uses them is in test_apply.py."""

from mys3d import limits
from mys3d.errors import Reason, Rejected
from mys3d.registry import tables
from mys3d.registry.memory import MemoryRows
from mys3d.registry.outcomes import Applied
from mys3d.registry.rules import operations
from mys3d.registry.transaction import Overlay

ONE, TWO = b"1" * 16, b"2" * 16


def test_two_outcomes_of_one_entry_are_forgotten_together():
    tx = Overlay(MemoryRows())
    operations.remember(tx, 7, ONE, Applied(7))
    operations.remember(tx, 7, TWO, Rejected(Reason.EXPIRED))
    assert tables.outcomes_at(tx, 7) == (ONE, TWO)
    operations.forget_old(tx, 7 + limits.operation_lifetime_entries)
    assert tables.outcome(tx, ONE) is tables.outcome(tx, TWO) is None
    assert tables.outcomes_at(tx, 7) == ()


def test_nothing_is_forgotten_before_its_time():
    tx = Overlay(MemoryRows())
    operations.remember(tx, 7, ONE, Applied(7))
    for index in (8, 6 + limits.operation_lifetime_entries, 8 + limits.operation_lifetime_entries):
        operations.forget_old(tx, index)
    assert tables.outcome(tx, ONE) == Applied(7)
