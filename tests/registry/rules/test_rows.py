"""Commands about the rows themselves change none of them."""

import pytest

from mys3d import limits
from mys3d.errors import Reason
from mys3d.model.names import LogIndex, NodeId
from mys3d.registry.commands import CompareRows, CondemnRows


@pytest.mark.parametrize(
    "command",
    [CompareRows(b"o", 10), CondemnRows(NodeId("n1"), LogIndex(1), b"", b"d" * 32)],
    ids=["compare", "condemn"],
)
def test_it_leaves_its_outcome_and_nothing_else(machine, command):
    before = dict(machine.rows.rows())
    machine.done(command)
    after = dict(machine.rows.rows())
    changed = {key[:1] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert changed <= {b"a", b"n", b"x", b"y"}


def test_nobody_but_a_member_is_condemned(machine, make):
    outcome = machine.do(CondemnRows(NodeId("n9"), LogIndex(1), b"", b"d" * 32))
    assert make.reason(outcome) == Reason.NO_SUCH_MEMBER


@pytest.mark.parametrize(
    "command",
    [
        CompareRows(b"o", 0),
        CompareRows(b"o", limits.compare_rows_max + 1),
        CompareRows(b"o" * (limits.row_key_bytes_max + 1), 1),
        CondemnRows(NodeId("n1"), LogIndex(1), b"", b"short"),
        CondemnRows(NodeId("n1"), LogIndex(-1), b"", b"d" * 32),
        CondemnRows(NodeId(""), LogIndex(1), b"", b"d" * 32),
    ],
)
def test_what_no_proposer_sends_is_refused(machine, make, command):
    assert make.reason(machine.do(command)) == Reason.INVALID_COMMAND
