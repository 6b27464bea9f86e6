"""Applying entries: totality, dedupe, expiry, the clock, the applied row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mys3d import limits
from mys3d.errors import Reason, Rejected
from mys3d.model.names import BucketName, LogIndex, OperationId
from mys3d.registry import codec, queries
from mys3d.registry.commands import CancelOperation, DeleteBucket, Proposal
from mys3d.registry.outcomes import Applied

OPERATION = OperationId(b"o" * 16)


def test_every_entry_moves_the_applied_row(machine):
    machine.noop()
    machine.vote("n2")
    machine.do_bytes(b"junk")
    assert queries.applied(machine.rows) == (4, 1)


def test_an_empty_store_has_applied_nothing(make):
    assert queries.applied(make.Machine().rows) == (0, 0)


@given(st.binary(max_size=64))
def test_bytes_that_are_no_proposal_are_refused_and_change_nothing_else(make, payload):
    machine = make.Machine().initialised()
    before = [row for row in machine.rows.rows() if row[0] != b"a"]
    assert make.reason(machine.do_bytes(payload)) == Reason.INVALID_COMMAND
    assert [row for row in machine.rows.rows() if row[0] != b"a"] == before


def test_a_repeated_operation_is_answered_as_the_first_time_and_applied_once(machine, make):
    bucket = machine.bucket()
    first = machine.do(make.put(bucket, "k", "one"), operation=OPERATION)
    machine.do(make.put(bucket, "k", "two"))
    assert machine.do(make.put(bucket, "k", "one"), operation=OPERATION) == first
    assert queries.live(machine.rows, bucket, "k").size == 3
    assert queries.references_count(machine.rows, make.blob("one").digest) == 0


def test_a_repeated_refusal_stays_a_refusal(machine, make):
    assert make.reason(machine.do(make.put(99, "k", "one"), operation=OPERATION)) == Reason.NO_SUCH_BUCKET
    assert queries.outcome(machine.rows, OPERATION) == Rejected(Reason.NO_SUCH_BUCKET)
    assert make.reason(machine.do(make.initialise("n9"), operation=OPERATION)) == Reason.NO_SUCH_BUCKET


def test_a_command_behind_its_expiry_is_refused_without_a_trace(machine, make):
    bucket = machine.bucket()
    assert make.reason(machine.do(make.put(bucket, "k", "one"), expires_at=machine.index)) == Reason.EXPIRED
    assert queries.live(machine.rows, bucket, "k") is None


def test_a_command_at_its_expiry_is_still_applied(machine, make):
    bucket = machine.bucket()
    assert isinstance(machine.do(make.put(bucket, "k", "one"), expires_at=machine.index + 1), Applied)


def test_a_command_that_would_outlive_its_outcome_is_refused(machine, make):
    late = machine.index + 1 + limits.operation_lifetime_entries + 1
    assert make.reason(machine.do(make.initialise("n2"), expires_at=late)) == Reason.INVALID_COMMAND


def test_outcomes_are_forgotten_one_entry_at_a_time_when_they_are_old(machine, make, monkeypatch):
    monkeypatch.setattr(limits, "operation_lifetime_entries", 5)
    bucket = machine.bucket()
    machine.do(make.put(bucket, "k", "one"), operation=OPERATION)
    for _ in range(4):
        machine.noop()
        assert queries.outcome(machine.rows, OPERATION) is not None
    machine.noop()
    assert queries.outcome(machine.rows, OPERATION) is None
    assert not [key for key, _ in machine.rows.rows() if key[:1] in b"xy"]


def test_the_clock_never_runs_backwards(machine, make):
    bucket = machine.bucket()
    machine.do(make.put(bucket, "a", "one"), time=1_800_000_000_000)
    machine.do(make.put(bucket, "b", "one"), time=1_750_000_000_000)
    assert queries.live(machine.rows, bucket, "b").modified_at == 1_800_000_000_000
    assert queries.now(machine.rows) == 1_800_000_000_000


def test_a_cancelled_operation_is_refused_when_it_arrives_later(machine, make):
    bucket = machine.bucket()
    assert isinstance(machine.do(CancelOperation(OPERATION)), Applied)
    assert make.reason(machine.do(make.put(bucket, "k", "one"), operation=OPERATION)) == Reason.EXPIRED
    assert queries.live(machine.rows, bucket, "k") is None


def test_cancelling_what_was_applied_changes_nothing(machine, make):
    bucket = machine.bucket()
    first = machine.do(make.put(bucket, "k", "one"), operation=OPERATION)
    machine.do(CancelOperation(OPERATION))
    assert queries.outcome(machine.rows, OPERATION) == first


def test_a_cancelled_operation_is_forgotten_with_its_cancellation(machine, make, monkeypatch):
    monkeypatch.setattr(limits, "operation_lifetime_entries", 3)
    machine.do(CancelOperation(OPERATION))
    for _ in range(3):
        machine.noop()
    assert not [key for key, _ in machine.rows.rows() if key[:1] in b"xy"]


def test_a_refused_command_leaves_no_rows_but_its_outcome(machine, make):
    bucket = machine.bucket()
    machine.do(make.put(bucket, "k", "one"))
    before = dict(machine.rows.rows())
    machine.do(DeleteBucket(bucket, BucketName("photos")))
    after = dict(machine.rows.rows())
    assert {key[:1] for key in after.keys() | before.keys() if after.get(key) != before.get(key)} == set(
        map(bytes, zip(b"axyn", strict=True))
    )


def test_a_proposal_of_another_format_is_refused(machine, make):
    payload = codec.encode_proposal(Proposal(2, OPERATION, LogIndex(9), 0, make.initialise("n2")))
    assert make.reason(machine.do_bytes(payload)) == Reason.INVALID_COMMAND


@pytest.mark.parametrize("votes", [True, False])
def test_a_change_of_voters_said_twice_is_said_once(machine, votes):
    machine.vote("n2")
    machine.vote("n2", votes)
    machine.vote("n2", votes)
    assert queries.voters(machine.rows) == (("n1", "n2") if votes else ("n1",))
