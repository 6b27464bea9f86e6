"""The listener's side of a join; the joiner's side and the refusals it sees are in test_join.py."""

import pytest
import trio

from mys3d.errors import Reason, Rejected
from mys3d.model.members import Addresses
from mys3d.peers import admission, frames, messages, pki
from mys3d.peers.frames import FrameParser, Kind
from mys3d.peers.messages import Grant, Join, Refused
from mys3d.ports import JoinAdmission

ADDRESSES = Addresses("h:1", "h:2", "h:3")


class Tap:
    """A channel to a stranger that has said one thing."""

    def __init__(self, wire):
        self._wire, self.frames = wire, []

    async def send(self, data):
        self.frames += FrameParser(100_000).feed(data)

    async def receive(self):
        await trio.lowlevel.checkpoint()
        return memoryview(self._wire)


def asked(room, **fields):
    given = {
        "format": 1,
        "secret": b"s" * 16,
        "request_der": pki.new_request(room.C, pki.new_key()),
        "node": room.B,
        "name": "n2",
        "incarnation": b"i" * 16,
        "addresses": ADDRESSES,
        "zone": "z",
        "capacity_bytes": 1,
    }
    return frames.encode(Kind.JOIN, 0, messages.encode(Join(**{**given, **fields})))


@pytest.fixture
async def door(cluster, room):
    """Admit one stranger; returns the service and the frames that it was sent."""
    me, service = cluster.identity(room.A, {}), room.Service(room.A)
    cluster.addresses[room.A] = "here:9002"
    service.admission = JoinAdmission(room.CLUSTER, (cluster.member(room.A),))

    async def admit(wire, error=None):
        service.error, tap = error, Tap(wire)
        try:
            await admission.admit(tap, me, service, room.Clock())
        except ValueError as refusal:
            return service, tap.frames, refusal
        return service, tap.frames, None

    return admit


async def test_the_certificate_names_the_admitted_node_and_not_the_requests_subject(door, room, cluster):
    _, sent, _ = await door(asked(room))
    grant = messages.decode(sent[1].payload, Grant)
    assert pki.check_issued(cluster.authority.certificate, pki.der_of(grant.certificate_pem)) == room.B
    assert grant.seeds == {room.A: "here:9002"}


async def test_the_authority_is_shown_before_anything_is_heard(door, room, cluster):
    _, sent, _ = await door(b"\0" * 50)
    assert (sent[0].kind, sent[0].payload) == (Kind.AUTHORITY, cluster.authority.certificate)
    assert [frame.kind for frame in sent] == [Kind.AUTHORITY, Kind.REFUSED]


async def test_no_key_leaves_when_the_registry_refuses(door, room):
    _, sent, _ = await door(asked(room), Rejected(Reason.TOKEN_INVALID))
    assert [frame.kind for frame in sent] == [Kind.AUTHORITY, Kind.REFUSED]
    assert messages.decode(sent[1].payload, Refused).reason == Reason.TOKEN_INVALID


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"request_der": b"garbage"}, ""),
        ({"node": "../../etc"}, "32 hex digits"),
        ({"incarnation": b""}, "16 bytes"),
        ({"format": 2}, "format 1 was expected"),
    ],
)
async def test_a_join_that_cannot_be_granted_does_not_use_the_token(door, room, fields, why):
    service, sent, refusal = await door(asked(room, **fields))
    assert refusal is not None and why in str(refusal) and service.joins == []
    assert sent[-1].kind == Kind.REFUSED
