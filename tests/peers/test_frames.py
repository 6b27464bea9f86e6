"""The parser against every way a stream can be cut, and against streams that are not ours."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mys3d.peers import frames
from mys3d.peers.frames import Frame, FrameParser, Kind

KINDS = st.sampled_from(list(Kind))
FRAMES = st.lists(st.tuples(KINDS, st.integers(0, 2**32 - 1), st.binary(max_size=60)), max_size=8)


def stream_of(messages):
    return b"".join(frames.encode(kind, request, payload) for kind, request, payload in messages)


@given(messages=FRAMES, cuts=st.lists(st.integers(0, 600)))
def test_frames_survive_any_cut_of_the_stream(messages, cuts):
    stream = stream_of(messages)
    edges = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    parser, found = FrameParser(100), []
    for start, stop in itertools.pairwise(edges):
        found += parser.feed(memoryview(stream)[start:stop])
    assert found == [Frame(*message) for message in messages]


def test_a_stream_may_be_split_at_every_byte():
    messages = [(Kind.RAFT, 0, b"first"), (Kind.PING, 1, b""), (Kind.PUSH, 2, b"x" * 90)]
    stream = stream_of(messages)
    for cut in range(len(stream) + 1):
        parser = FrameParser(100)
        assert parser.feed(stream[:cut]) + parser.feed(stream[cut:]) == [Frame(*message) for message in messages], cut


def test_a_parsed_payload_does_not_change_when_the_buffer_is_used_again():
    buffer = bytearray(frames.encode(Kind.RAFT, 0, b"kept"))
    (frame,) = FrameParser(100).feed(buffer)
    buffer[:] = bytes(len(buffer))
    assert frame.payload == b"kept"


def test_a_head_and_its_pieces_are_one_frame():
    stream = frames.head(Kind.PUSH, 9, 6) + b"abc" + b"def"
    assert FrameParser(100).feed(stream) == [Frame(Kind.PUSH, 9, b"abcdef")]


@pytest.mark.parametrize("size", [101, 2**32 - 6])
def test_an_oversize_frame_is_refused_by_its_head_alone(size):
    with pytest.raises(ValueError, match="at most 100 bytes"):
        FrameParser(100).feed(frames.head(Kind.PUSH, 0, size))


def test_the_largest_frame_passes():
    assert FrameParser(100).feed(frames.encode(Kind.PUSH, 0, bytes(100))) == [Frame(Kind.PUSH, 0, bytes(100))]


@pytest.mark.parametrize("length", [0, 4])
def test_a_length_that_does_not_cover_its_own_head_is_refused(length):
    with pytest.raises(ValueError, match="found -"):
        FrameParser(100).feed(frames.HEAD.pack(length, Kind.RAFT, 0))


@given(noise=st.binary(min_size=9, max_size=200))
def test_noise_ends_in_frames_or_a_value_error(noise):
    parser = FrameParser(50)
    try:
        found = parser.feed(noise)
    except ValueError:
        return
    assert sum(len(frame.payload) + frames.HEAD_BYTES for frame in found) <= len(noise)


def test_kinds_keep_their_numbers_on_the_wire():
    assert {kind.name: kind.value for kind in Kind} == {
        "HELLO": 1, "WELCOME": 2, "REFUSED": 3, "AUTHORITY": 4, "JOIN": 5, "GRANT": 6,
        "RAFT": 16, "PING": 17, "PONG": 18,
        "PUSH": 32, "PUSHED": 33, "FETCH": 34, "FETCHED": 35, "HAVE": 36, "STATUS": 37, "REPLY": 38, "FAILED": 39,
        "SCRUB": 40,
        "SNAPSHOT": 48, "PIECE": 49, "PIECED": 50,
    }  # fmt: skip


@pytest.mark.parametrize("placed", [1, 7, 999, 1000])
def test_a_body_may_be_put_in_its_place_from_any_byte_on_and_fed_again(placed):
    body, behind = bytes(range(250)) * 4, frames.encode(Kind.PING, 9)
    parser = FrameParser(1000)
    wire = frames.encode(Kind.PUSH, 1, body)
    assert parser.feed(wire[:9]) == [] and len(parser.awaited) == 1000
    parser.awaited[:placed] = body[:placed]
    found = parser.filled(placed)
    found += parser.feed(body[placed:] + behind)
    assert found == [Frame(Kind.PUSH, 1, body), Frame(Kind.PING, 9, b"")] and parser.awaited is None


def test_room_is_asked_for_only_when_a_body_does_not_arrive_at_once():
    asked = []
    parser = FrameParser(1000, lambda size: asked.append(size) or memoryview(bytearray(size)))
    parser.feed(frames.encode(Kind.PUSH, 1, bytes(500)))
    assert asked == []
    parser.feed(frames.encode(Kind.PUSH, 1, bytes(500))[:-1])
    assert asked == [500]
