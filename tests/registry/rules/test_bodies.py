"""Bodies with rows of their own; refusals are read most easily in transcripts/bodies.txt."""

import msgspec
import pytest

from mys3d import limits
from mys3d.errors import Reason
from mys3d.model.body import StagedBody
from mys3d.model.names import Instant
from mys3d.registry import codec, invariants, keys, queries
from mys3d.registry.apply import apply_command
from mys3d.registry.commands import AbandonBody, Proposal, Reap
from mys3d.registry.transaction import Overlay

EVER = Instant(2**62)


def counts(machine, make, *texts):
    return [queries.references_count(machine.rows, make.blob(text).digest) for text in texts]


def reap_all(machine):
    """What the leader's duty does, at once."""
    while dead := queries.bodies_dead(machine.rows, EVER):
        for body, found in dead:
            machine.done(Reap(body, found.cursor))
            assert invariants.violations(machine.rows) == []


def test_a_staged_body_is_named_in_its_order(machine, make):
    bucket = machine.bucket()
    body = machine.staged(["a", "b"], ["c"])
    machine.done(make.put_staged(bucket, "k", body, 3))
    version = queries.live(machine.rows, bucket, "k")
    assert (version.body, version.size) == (StagedBody(body.body, 3), 3)
    assert queries.extent(machine.rows, body.body, 0) == (make.blob("a"), make.blob("b"))
    assert queries.extent(machine.rows, body.body, 1) == (make.blob("c"),)
    assert queries.extent(machine.rows, body.body, 2) is None


def test_becoming_visible_writes_no_row_for_a_blob(machine, make):
    bucket = machine.bucket()
    body = machine.staged([f"{number:04}" for number in range(256)])
    before = dict(machine.rows.rows())
    machine.done(make.put_staged(bucket, "k", body, 1024))
    after = dict(machine.rows.rows())
    assert len([key for key in before | after if before.get(key) != after.get(key)]) <= 8


@pytest.mark.parametrize("how", ["delete", "delete many", "overwrite", "overwrite by a staged body"])
def test_a_body_that_loses_its_version_is_dead_and_its_blobs_are_counted_until_it_is_reaped(machine, make, how):
    bucket = machine.bucket()
    machine.done(make.put_staged(bucket, "k", machine.staged(["a", "b"], ["c"]), 3))
    other = machine.staged(["d"])
    machine.done(
        {
            "delete": make.delete(bucket, "k"),
            "delete many": make.delete_many(bucket, ["k"]),
            "overwrite": make.put(bucket, "k", "d"),
            "overwrite by a staged body": make.put_staged(bucket, "k", other, 1),
        }[how]
    )
    assert counts(machine, make, "a", "b", "c") == [1, 1, 1]
    assert invariants.violations(machine.rows) == []
    reap_all(machine)
    assert counts(machine, make, "a", "b", "c") == [0, 0, 0]


def test_a_body_is_visible_once(machine, make):
    bucket = machine.bucket()
    body = machine.staged(["a"])
    machine.done(make.put_staged(bucket, "k", body, 1))
    assert make.reason(machine.do(make.put_staged(bucket, "other", body, 1))) == Reason.NO_SUCH_BODY


def test_a_refused_commit_leaves_the_body_unfinished(machine, make):
    bucket = machine.bucket()
    body = machine.staged(["a"])
    assert make.reason(machine.do(make.put_staged(bucket, "k", body, 2))) == Reason.INVALID_COMMAND
    assert make.reason(machine.do(make.put_staged(bucket + 1, "k", body, 1))) == Reason.NO_SUCH_BUCKET
    machine.done(make.put_staged(bucket, "k", body, 1))


def test_a_body_expires_at_the_registrys_clock_and_not_before(machine, make):
    body = machine.staged(["a"]).body
    assert queries.bodies_expired(machine.rows, Instant(make.EXPIRES_AT - 1)) == []
    assert queries.bodies_expired(machine.rows, Instant(make.EXPIRES_AT)) == [body]
    early = machine.do(AbandonBody(body, is_expired=True), time=make.EXPIRES_AT - 1)
    assert make.reason(early) == Reason.NO_SUCH_BODY
    machine.do(AbandonBody(body, is_expired=True), time=make.EXPIRES_AT)
    assert [found for found, _ in queries.bodies_dead(machine.rows, EVER)] == [body]


def test_another_extent_gives_a_body_more_time(machine, make):
    body = machine.staged(["a"]).body
    machine.done(make.stage(body, 1, "b", expires_at=make.EXPIRES_AT + 5))
    assert queries.bodies_expired(machine.rows, Instant(make.EXPIRES_AT + 4)) == []


def test_a_dead_body_is_not_shown_before_its_time(machine, make):
    body = machine.staged(["a"]).body
    machine.done(AbandonBody(body, is_expired=False))
    died_at = queries.now(machine.rows)
    assert queries.bodies_dead(machine.rows, Instant(died_at - 1)) == []
    assert [found for found, _ in queries.bodies_dead(machine.rows, died_at)] == [body]


def test_an_extent_staged_again_by_another_operation_is_refused(machine, make):
    body = machine.staged(["a"], ["b"]).body
    assert make.reason(machine.do(make.stage(body, 1, "b"))) == Reason.INVALID_COMMAND
    assert counts(machine, make, "b") == [1]


def rows_written(machine, command):
    """How many rows one command touches."""
    proposal = Proposal(codec.FORMAT, b"w" * 16, machine.index + 5, Instant(1_800_000_000_000), command)
    overlay = Overlay(machine.rows)
    apply_command(overlay, machine.index + 1, 1, codec.encode_proposal(proposal))
    return len(overlay.writes())


def test_the_largest_extent_stays_within_the_rows_of_a_command(machine, make):
    texts = [f"{number:04}" for number in range(limits.extent_blobs_max)]
    command = make.stage(None, 0, *texts)
    assert rows_written(machine, command) <= limits.command_rows_max
    assert len(codec.encode_proposal(Proposal(1, b"o" * 16, 1, 1, command))) < limits.command_bytes_max / 8
    body = machine.staged(texts).body
    machine.done(AbandonBody(body, is_expired=False))
    assert rows_written(machine, Reap(body, 0)) <= limits.command_rows_max


def test_removing_many_keys_stays_within_the_rows_of_a_command(machine, make):
    bucket = machine.bucket()
    names = [f"k{number}" for number in range(limits.delete_command_keys_max)]
    texts = {name: [f"{name} {number}" for number in range(32)] for name in names}
    for name in names:
        machine.done(make.put(bucket, name, *texts[name]))
    command = make.delete_many(bucket, names)
    assert rows_written(machine, command) <= limits.command_rows_max
    removed = machine.done(command).detail.removed
    assert all(entry.existed for entry in removed)
    assert invariants.violations(machine.rows) == []
    assert sum(counts(machine, make, *texts[names[-1]])) == 32
    for body, found in _all_dead(machine):
        machine.done(Reap(body, found.cursor))
    assert list(machine.rows.scan(*keys.stretch(keys.REFERENCES))) == []
    assert invariants.violations(machine.rows) == []


def _all_dead(machine):
    while dead := queries.bodies_dead(machine.rows, EVER):
        yield from dead


def test_few_keys_are_counted_off_at_once(machine, make):
    bucket = machine.bucket()
    machine.done(make.put(bucket, "k", *[f"{number}" for number in range(32)]))
    machine.done(make.delete_many(bucket, ["k"]))
    assert queries.bodies_dead(machine.rows, EVER) == []
    assert list(machine.rows.scan(*keys.stretch(keys.REFERENCES))) == []


def test_a_look_is_bounded(machine, make, monkeypatch):
    monkeypatch.setattr(limits, "reap_bodies_max", 2)
    bodies = [machine.staged([text]).body for text in ("a", "b", "c")]
    assert queries.bodies_expired(machine.rows, EVER) == bodies[:2]
    for body in bodies:
        machine.done(AbandonBody(body, is_expired=False))
    assert [body for body, _ in queries.bodies_dead(machine.rows, EVER)] == bodies[:2]
    monkeypatch.setattr(limits, "scan_rows_max", 1)
    assert [body for body, _ in queries.bodies_dead(machine.rows, EVER)] == bodies[:1]


def test_the_bytes_of_an_extent_command_are_fixed(make):
    command = msgspec.structs.replace(make.stage(None, 0, "a"), expires_at=Instant(5))
    digest = make.blob("a").digest.hex()
    payload = codec.encode_proposal(Proposal(1, b"o" * 16, 9, 1, command)).hex()
    assert payload == f"9501c4106f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f090197a57374616765c0009192c420{digest}01010105"
