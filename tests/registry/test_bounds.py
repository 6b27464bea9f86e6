"""The largest commands of each kind: bounded in bytes and in the rows they touch.

Every entry that any test of this room applies is counted as well (`Machine._apply`).
"""

import pytest

from mys3d import limits
from mys3d.errors import Reason
from mys3d.model.digest import digest_of
from mys3d.model.members import MemberState
from mys3d.model.names import Epoch, Instant, LogIndex, NodeId, ObjectKey, OperationId
from mys3d.model.objects import Checksum, Content
from mys3d.registry import codec, invariants, queries
from mys3d.registry.commands import (
    AbandonBody,
    BeginLayout,
    CreateToken,
    Proposal,
    Reap,
    ReleaseLayout,
    ReportHomes,
    SealLayout,
)

LONGEST_KEY = "é" * (limits.key_bytes_max // 2)


def size_of(command) -> int:
    """Bytes of the proposal of a command."""
    last = 2**63 - 1
    return len(codec.encode_proposal(Proposal(1, OperationId(b"o" * 16), LogIndex(last), Instant(last), command)))


def rows_of(machine, command) -> int:
    """Rows that one command touches."""
    machine.most_rows = 0
    machine.done(command)
    return int(machine.most_rows)


def texts(name, count):
    return [f"{name} {number}" for number in range(count)]


def test_a_put_over_a_full_list_of_other_blobs(machine, make):
    bucket = machine.bucket()
    machine.done(make.put(bucket, LONGEST_KEY, *texts("old", limits.inline_blobs_max)))
    assert rows_of(machine, make.put(bucket, LONGEST_KEY, *texts("new", limits.inline_blobs_max))) < 80


def test_a_put_with_all_that_headers_can_say(make):
    said = Content("t" * 1024, (("h", "v" * limits.head_bytes_max),), (("m", "v" * limits.metadata_bytes_max),))
    put = make.put(1, LONGEST_KEY, *texts("x", limits.inline_blobs_max))
    put = type(put)(
        put.bucket, put.key, put.size, "e" * 64, put.body, said, (Checksum("SHA256", b"c" * 32),) * 5,
        put.layout_epoch, put.gc_epoch,
    )  # fmt: skip
    assert size_of(put) < limits.command_bytes_max // 2


def test_a_copy_over_a_full_list(machine, make):
    bucket = machine.bucket()
    machine.done(make.put(bucket, "target", *texts("old", limits.inline_blobs_max)))
    version = machine.done(make.put(bucket, "source", *texts("new", limits.inline_blobs_max))).detail.version
    assert rows_of(machine, make.copy(bucket, "target", "source", version)) < 80


def test_the_largest_extent_is_staged_abandoned_and_reaped(machine, make):
    command = make.stage(None, 0, *texts("x", limits.extent_blobs_max))
    assert size_of(command) < limits.command_bytes_max // 8
    machine.most_rows = 0
    body = machine.done(command).detail.body
    assert machine.most_rows < limits.command_rows_max // 3
    assert rows_of(machine, AbandonBody(body, is_expired=False)) < 20
    assert rows_of(machine, Reap(body, 0)) < limits.command_rows_max // 3


@pytest.mark.parametrize("blobs_count", [1, 3, limits.inline_blobs_max])
def test_the_most_keys_of_one_removal(machine, make, blobs_count):
    bucket = machine.bucket()
    names = [f"k{number}" for number in range(limits.delete_keys_max_at_once)]
    for name in names:
        machine.done(make.put(bucket, name, *texts(name, blobs_count)))
    assert rows_of(machine, make.delete_many(bucket, names)) <= limits.command_rows_max


def test_the_most_keys_of_one_removal_whose_objects_came_in_parts(machine, make):
    bucket = machine.bucket()
    names = [f"k{number}" for number in range(limits.delete_keys_max_at_once)]
    for name in names:
        machine.in_parts(bucket, name)
    assert rows_of(machine, make.delete_many(bucket, names)) <= limits.command_rows_max
    assert invariants.violations(machine.rows) == []


def test_the_longest_keys_of_one_removal_fit_its_bytes(make):
    keys = [ObjectKey(LONGEST_KEY)] * (limits.delete_command_bytes_max // limits.key_bytes_max)
    assert size_of(make.delete_many(1, keys)) < limits.command_bytes_max


def names_of(count):
    return tuple(NodeId(f"{number:032x}") for number in range(count))


def test_a_layout_of_the_most_members(machine, make):
    """All of them have just joined: the release settles each."""
    for node in names_of(limits.members_max - 1):
        machine.join(node, digest_of(node.encode()))
    nodes = tuple(member.id for member in queries.members(machine.rows))
    homes = tuple(
        tuple((3 * partition + place) % len(nodes) for place in range(limits.replicas_max)) for partition in range(1024)
    )
    begin = BeginLayout(Epoch(2), nodes, homes)
    assert size_of(begin) < limits.command_bytes_max // 2
    assert rows_of(machine, begin) <= limits.command_rows_max
    machine.done(SealLayout(Epoch(2)))
    for node in nodes:
        machine.done(ReportHomes(Epoch(2), node, LogIndex(machine.index)))
    assert rows_of(machine, ReleaseLayout(Epoch(2))) <= limits.command_rows_max
    assert {member.state for member in queries.members(machine.rows)} == {MemberState.ACTIVE}
    machine.done(CreateToken(b"t" * 32, Instant(2**62)))
    assert make.reason(machine.do(make.join("one too many", b"t" * 32))) == Reason.TOO_LARGE


def test_a_layout_of_more_nodes_is_refused(machine, make):
    too_many = BeginLayout(Epoch(2), names_of(limits.members_max + 1), ((0,),) * 1024)
    assert make.reason(machine.do(too_many)) == Reason.INVALID_COMMAND


def test_the_most_tokens_expire_together(machine, make):
    for number in range(limits.tokens_max):
        machine.do(CreateToken(number.to_bytes(32, "big"), Instant(1_800_000_000_000)), time=1_700_000_000_000)
    full = machine.do(CreateToken(b"n" * 32, Instant(2**62)), time=1_700_000_000_000)
    assert make.reason(full) == Reason.TOO_LARGE
    machine.most_rows = 0
    machine.do(CreateToken(b"n" * 32, Instant(2**62)), time=1_800_000_000_000)
    assert limits.tokens_max < machine.most_rows <= limits.command_rows_max
