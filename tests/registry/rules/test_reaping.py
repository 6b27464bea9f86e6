"""Reaping of parts, step by step; of extents in test_bodies.py."""

import msgspec
import pytest

from mys3d import limits
from mys3d.errors import Reason
from mys3d.model.names import Instant
from mys3d.registry import invariants, keys, queries
from mys3d.registry.commands import Reap
from mys3d.registry.upload_commands import AbortUpload

EVER = Instant(2**62)


def uploaded(machine, make, bucket, count, blobs_each):
    """An upload with so many parts of so many blobs."""
    upload = machine.upload(bucket)
    for number in range(1, count + 1):
        texts = [f"{number:04}-{place:02}" for place in range(blobs_each)]
        machine.done(make.part(bucket, "k", upload, number, *texts))
    return upload


@pytest.mark.parametrize(
    ("count", "blobs_each", "steps"), [(1, 1, 1), (9, 32, 2), (300, 1, 3), (128, 0, 1), (129, 0, 2)]
)
def test_a_dead_body_of_parts_goes_in_bounded_steps(machine, make, count, blobs_each, steps):
    bucket = machine.bucket()
    upload = uploaded(machine, make, bucket, count, blobs_each)
    machine.done(AbortUpload(bucket, "k", upload))
    taken = 0
    while (cursor := queries.reapable_from(machine.rows, upload)) is not None:
        machine.done(Reap(upload, cursor))
        taken += 1
    assert taken == steps
    assert invariants.violations(machine.rows) == []
    assert list(machine.rows.scan(*keys.stretch(keys.REFERENCES))) == []


def test_parts_with_staged_bodies_stay_within_the_rows_of_a_command(machine, make):
    bucket = machine.bucket()
    upload = machine.upload(bucket)
    for number in range(1, limits.reap_parts_max + 1):
        staged = machine.staged([f"{number:04}"])
        machine.done(msgspec.structs.replace(make.part(bucket, "k", upload, number), body=staged, size=4))
    machine.done(AbortUpload(bucket, "k", upload))
    machine.most_rows = 0
    machine.done(Reap(upload, 0))
    assert machine.most_rows <= limits.command_rows_max
    assert len(list(machine.rows.scan(*keys.stretch(keys.DEAD_BODIES)))) == limits.reap_parts_max


def test_leftovers_are_passed_in_bounded_steps(machine, make):
    bucket = machine.bucket()
    upload = uploaded(machine, make, bucket, 300, 1)
    named = [(number, 7) for number in range(1, 301) if number != 299]
    machine.done(make.complete(bucket, "k", upload, 300, named))
    cursors = []
    while (cursor := queries.reapable_from(machine.rows, upload)) is not None:
        cursors.append(cursor)
        machine.done(Reap(upload, cursor))
    assert cursors == [0, 129, 257]
    assert queries.references_count(machine.rows, make.blob("0299-00").digest) == 0
    assert queries.references_count(machine.rows, make.blob("0300-00").digest) == 1
    assert invariants.violations(machine.rows) == []


def test_a_step_that_was_taken_is_not_taken_again(machine, make):
    bucket = machine.bucket()
    upload = uploaded(machine, make, bucket, 200, 1)
    assert make.reason(machine.do(Reap(upload, 0))) == Reason.NO_SUCH_BODY
    machine.done(AbortUpload(bucket, "k", upload))
    machine.done(Reap(upload, 0))
    assert make.reason(machine.do(Reap(upload, 0))) == Reason.NO_SUCH_BODY
