"""Seals of a plain lane: what the other side made, once, in its place."""

import pytest

from mys3d.model.digest import digest_of
from mys3d.peers import frames, messages
from mys3d.peers.frames import Frame, FrameParser, Kind
from mys3d.peers.seal import SEAL_BYTES, seals_of

BLOB = b"blob" * 1000
PUSH = [messages.push_head(digest_of(BLOB), 7), BLOB]


def pair(dialler=b"d" * 32, listener=b"l" * 32):
    """The sealing end of the dialler and the opening end of the listener."""
    return seals_of(dialler, listener)[0], seals_of(dialler, listener)[0]


def sealed(seal, kind, request, *payload):
    wire = b"".join(seal.close(frames.head(kind, request, sum(map(len, payload))), payload))
    (frame,) = FrameParser(100_000).feed(wire)
    return frame


def changed(frame, at):
    payload = bytearray(frame.payload)
    payload[at] ^= 1
    return Frame(frame.kind, frame.request, payload)


def test_frames_are_opened_as_they_were_sealed_in_order():
    sender, receiver = pair()
    for frame in (sealed(sender, Kind.PUSH, 1, *PUSH), sealed(sender, Kind.FETCH, 2, b"asked"), sealed(sender, 18, 3)):
        opened = receiver.open(frame)
        assert (opened.kind, opened.request) == (frame.kind, frame.request)
        assert opened.payload == bytes(frame.payload)[SEAL_BYTES:]


@pytest.mark.parametrize("at", [0, SEAL_BYTES - 1, SEAL_BYTES, SEAL_BYTES + 39])
def test_a_changed_seal_digest_or_touch_of_a_push_is_refused(at):
    sender, receiver = pair()
    with pytest.raises(ValueError, match="not sealed by the other side"):
        receiver.open(changed(sealed(sender, Kind.PUSH, 1, *PUSH), at))


def test_a_changed_blob_is_found_by_its_digest_and_not_here():
    sender, receiver = pair()
    opened = receiver.open(changed(sealed(sender, Kind.PUSH, 1, *PUSH), SEAL_BYTES + 40))
    digest, _, blob = messages.parse_push(opened.payload)
    assert digest_of(blob) != digest


@pytest.mark.parametrize("at", [SEAL_BYTES, -1])
def test_every_byte_of_another_frame_is_sealed(at):
    sender, receiver = pair()
    with pytest.raises(ValueError, match="not sealed"):
        receiver.open(changed(sealed(sender, Kind.FETCHED, 1, b"\1", BLOB), at))


@pytest.mark.parametrize(("kind", "request_id"), [(Kind.FETCH, 1), (Kind.PUSH, 2)])
def test_a_changed_head_is_refused(kind, request_id):
    sender, receiver = pair()
    frame = sealed(sender, Kind.PUSH, 1, *PUSH)
    with pytest.raises(ValueError, match="not sealed"):
        receiver.open(Frame(kind, request_id, frame.payload))


def test_a_push_that_was_cut_or_made_longer_is_refused():
    for payload in (lambda whole: whole[:-1], lambda whole: whole + b"x", lambda whole: whole[:SEAL_BYTES]):
        sender, receiver = pair()
        frame = sealed(sender, Kind.PUSH, 1, *PUSH)
        with pytest.raises(ValueError, match="not sealed"):
            receiver.open(Frame(frame.kind, frame.request, payload(bytes(frame.payload))))


def test_a_frame_that_is_played_again_dropped_or_moved_is_refused():
    sender, receiver = pair()
    first, second = (sealed(sender, Kind.FETCH, number, b"asked") for number in range(2))
    with pytest.raises(ValueError, match="frame 1 of"):
        receiver.open(second)
    receiver = pair()[1]
    receiver.open(first)
    with pytest.raises(ValueError, match="frame 2 of"):
        receiver.open(first)


def test_a_frame_of_the_other_direction_or_of_another_connection_is_refused():
    ours, theirs = seals_of(b"d" * 32, b"l" * 32)
    other, _ = seals_of(b"d" * 32, b"m" * 32)
    for seal in (theirs, other):
        with pytest.raises(ValueError, match="not sealed"):
            ours.open(sealed(seal, Kind.FETCH, 0, b"asked"))
        ours.count = 0


@pytest.mark.parametrize("payload", [b"", b"x" * (SEAL_BYTES - 1)])
def test_a_frame_too_short_for_a_seal_is_refused(payload):
    with pytest.raises(ValueError, match="not sealed"):
        pair()[1].open(Frame(Kind.FETCH, 0, payload))


@pytest.mark.parametrize("secrets", [(b"", b"l" * 32), (b"d" * 32, b"l" * 31)])
def test_a_secret_of_another_length_makes_no_keys(secrets):
    with pytest.raises(ValueError, match="has 32 bytes"):
        seals_of(*secrets)
