"""What no proposer of ours would send is refused, and never raises."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mys3d import limits
from mys3d.errors import Reason, Rejected
from mys3d.model.body import BlobRef, InlineBlobs, StagedBody
from mys3d.model.buckets import Versioning
from mys3d.model.names import NULL_VERSION
from mys3d.registry import invariants
from mys3d.registry.commands import (
    AbandonBody,
    BeginLayout,
    CancelOperation,
    Command,
    CreateToken,
    Precondition,
    Proposal,
    PutCredential,
    Reap,
    ReportHomes,
    SetVersioning,
    UpdateMember,
    Wanted,
)


def refused(machine, command, **options):
    outcome = machine.do(command, **options)
    return isinstance(outcome, Rejected) and outcome.reason is Reason.INVALID_COMMAND


@pytest.mark.parametrize("operation", [b"", b"o" * 15, b"o" * 17])
def test_an_operation_id_has_16_bytes(machine, make, operation):
    assert refused(machine, make.initialise("n2"), operation=operation)
    assert refused(machine, CancelOperation(operation))


@pytest.mark.parametrize("time", [-1, 2**63])
def test_a_time_is_an_instant(machine, make, time):
    assert refused(machine, make.initialise("n2"), time=time)


@pytest.mark.parametrize("key", ["", "k" * 1025, "é" * 513])
def test_a_key_has_1_to_1024_bytes(machine, make, key):
    bucket = machine.bucket()
    assert refused(machine, make.put(bucket, key, "one"))
    assert refused(machine, make.delete(bucket, key))
    assert refused(machine, make.delete_many(bucket, ["k", key]))


@pytest.mark.parametrize("bucket", [-1, 2**63])
def test_a_bucket_id_fits_its_key(machine, make, bucket):
    assert refused(machine, make.put(bucket, "k", "one"))


def test_at_most_320_keys_are_deleted_at_once(machine, make):
    bucket = machine.bucket()
    assert refused(machine, make.delete_many(bucket, ["k"] * 321))
    assert not refused(machine, make.delete_many(bucket, ["k"] * 320))


@pytest.mark.parametrize(
    "wanted",
    [
        (Wanted(),),
        (Wanted(), Wanted(-1)),
        (Wanted(), Wanted(2**63)),
        (Wanted(), Wanted(precondition=Precondition(if_size=-1))),
        (Wanted(), Wanted(precondition=Precondition(if_modified_at=-1))),
    ],
    ids=str,
)
def test_what_is_wanted_of_each_key_is_said_once_and_is_plausible(machine, make, wanted):
    plain = make.delete_many(machine.bucket(), ["a", "b"])
    assert not refused(machine, msgspec.structs.replace(plain, wanted=(Wanted(NULL_VERSION), Wanted(7))))
    assert refused(machine, msgspec.structs.replace(plain, wanted=wanted))


def test_versioning_is_enabled_or_suspended(machine):
    assert refused(machine, SetVersioning(machine.bucket(), Versioning.NEVER))
    assert refused(machine, SetVersioning(-1, Versioning.ENABLED))


@pytest.mark.parametrize(
    "fault",
    [
        {"blobs": ()},
        {"blobs": (BlobRef(b"d" * 32, 1),) * 257},
        {"blobs": (BlobRef(b"short", 1),)},
        {"blobs": (BlobRef(b"d" * 32, 0),)},
        {"blobs": (BlobRef(b"d" * 32, limits.blob_bytes_max + 1),)},
        {"body": 3},
        {"sequence": 1},
        {"body": 3, "sequence": -1},
        {"body": 3, "sequence": 2**32 - 1},
        {"body": -1, "sequence": 1},
        {"body": 2**63, "sequence": 1},
        {"expires_at": -1},
    ],
    ids=str,
)
def test_an_extent_is_whole(machine, make, fault):
    assert not refused(machine, make.stage(None, 0, "one"))
    assert refused(machine, msgspec.structs.replace(make.stage(None, 0, "one"), **fault))


def test_bodies_and_cursors_fit_their_keys(machine):
    assert refused(machine, AbandonBody(-1, False))
    assert refused(machine, Reap(2**63, 0))
    assert refused(machine, Reap(3, 2**32))


@pytest.mark.parametrize(
    "body",
    [
        InlineBlobs((BlobRef(b"short", 3),)),
        InlineBlobs((BlobRef(b"d" * 32, 0),)),
        InlineBlobs((BlobRef(b"d" * 32, limits.blob_bytes_max + 1),)),
        InlineBlobs((BlobRef(b"d" * 32, 2),)),
        InlineBlobs((BlobRef(b"d" * 32, 1),) * 33),
        StagedBody(-1, 40),
        StagedBody(3, 2**63),
    ],
    ids=["short digest", "empty blob", "long blob", "other size", "too many blobs", "no body", "no count"],
)
def test_a_body_is_whole(machine, make, body):
    size = sum(blob.length for blob in getattr(body, "blobs", ()))
    command = make.put(machine.bucket(), "k", "one")
    size += 1 if body == InlineBlobs((BlobRef(b"d" * 32, 2),)) else 0
    assert refused(machine, msgspec.structs.replace(command, body=body, size=size))


@pytest.mark.parametrize(
    ("nodes", "homes", "count"),
    [
        (("n1",), (0,), 1023),
        (("n1", "n1"), (0, 1), 1024),
        (("n1",), (), 1024),
        (("n1",), (0, 0), 1024),
        (("n1",), (1,), 1024),
        (("n1",), (-1,), 1024),
        (("n1", "n2", "n3", "n4"), (0, 1, 2, 3), 1024),
    ],
)
def test_a_layout_is_a_whole_table(machine, nodes, homes, count):
    assert refused(machine, BeginLayout(2, nodes, (homes,) * count))


def test_names_and_numbers_have_bounds(machine):
    assert refused(machine, UpdateMember(""))
    assert refused(machine, UpdateMember("n1", capacity_bytes=-1))
    assert refused(machine, PutCredential("k" * 300, b"", "u", False, False))
    assert refused(machine, CreateToken(b"t", -1))
    assert refused(machine, ReportHomes(2, "n1", -1))


# Anything a decoder lets through: every type right, no value plausible.
commands = st.from_type(Command).filter(lambda command: not isinstance(command, BeginLayout))
proposals = st.builds(
    Proposal,
    format=st.just(1),
    operation=st.binary(min_size=16, max_size=16),
    expires_at=st.integers(-5, 200_000),
    time=st.integers(-(2**62), 2**63 - 1),
    command=commands,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(proposals, min_size=1, max_size=5))
def test_no_proposal_makes_apply_raise_or_breaks_an_invariant(make, sent):
    machine = make.Machine().initialised()
    machine.bucket()
    for proposal in sent:
        try:
            payload = msgspec.msgpack.encode(proposal)
        except (OverflowError, UnicodeEncodeError):  # such a value never becomes bytes
            continue
        machine.do_bytes(payload)
    assert invariants.violations(machine.rows) == []
