"""Bodies: all different, and declared as AWS's clients do."""

import base64
import hashlib
import itertools
import re
import zlib

import pytest

from mys3d.bench.body import STRETCH_BYTES, Bodies, BodyMode, Envelope

SIZES = [1, 7, 8, 15, 16, 17, 4096, 70_000, STRETCH_BYTES, 2 * STRETCH_BYTES + 5]


def joined(pieces: list[bytes | memoryview]) -> bytes:
    return b"".join(pieces)


@pytest.mark.parametrize("size", SIZES)
def test_a_body_has_its_size_and_no_two_are_equal_while_the_size_allows(size: int) -> None:
    bodies = Bodies(size)
    found = [joined(bodies.fresh()) for _ in range(5)]
    assert {len(body) for body in found} == {size}
    assert len(set(found)) == (5 if size >= 16 else len(set(found)))


def test_no_stretch_of_a_body_comes_again() -> None:
    bodies = Bodies(3 * STRETCH_BYTES)
    stretches = [
        body[at : at + STRETCH_BYTES]
        for body in (joined(bodies.fresh()) for _ in range(2))
        for at in range(0, len(body), STRETCH_BYTES)
    ]
    assert len(set(stretches)) == 6


def test_two_runs_have_no_bodies_in_common_but_prepared_ones_can_be_made_again() -> None:
    assert joined(Bodies(4096).fresh()) != joined(Bodies(4096).fresh())
    assert Bodies(4096, b"prepared").bytes_of(3) == Bodies(4096, b"prepared").bytes_of(3)


@pytest.mark.parametrize("size", SIZES)
def test_digests_are_those_of_the_whole_body(size: int) -> None:
    bodies = Bodies(size)
    pieces = bodies.fresh()
    body = joined(pieces)
    assert bodies.sha256(pieces) == hashlib.sha256(body).hexdigest()
    assert base64.b64decode(bodies.crc32(pieces)) == zlib.crc32(body).to_bytes(4, "big")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", [BodyMode.UNSIGNED, BodyMode.SIGNED])
def test_a_plain_body_is_sent_as_it_is(size: int, mode: BodyMode) -> None:
    bodies = Bodies(size)
    envelope, pieces = Envelope(bodies, mode), bodies.fresh()
    assert joined(envelope.wrapped(b"head", pieces)) == b"head" + joined(pieces)
    assert (joined(envelope.wrapped(b"", pieces)), envelope.length, envelope.headers) == (joined(pieces), size, ())
    payload = "UNSIGNED-PAYLOAD" if mode is BodyMode.UNSIGNED else hashlib.sha256(joined(pieces)).hexdigest()
    assert envelope.payload(pieces) == payload


@pytest.mark.parametrize("size", SIZES)
def test_a_chunked_body_can_be_unwrapped_and_has_its_checksum_behind_it(size: int) -> None:
    bodies = Bodies(size)
    envelope, pieces = Envelope(bodies, BodyMode.CHUNKED), bodies.fresh()
    wire, body = joined(envelope.wrapped(b"", pieces)), joined(pieces)
    assert len(wire) == envelope.length
    found = b""
    while (head := re.match(rb"([0-9a-f]+)\r\n", wire)) and int(head[1], 16):
        found += wire[head.end() : head.end() + int(head[1], 16)]
        wire = wire[head.end() + int(head[1], 16) + 2 :]
    assert found == body
    checksum = base64.b64encode(zlib.crc32(body).to_bytes(4, "big"))
    assert wire == b"0\r\nx-amz-checksum-crc32:" + checksum + b"\r\n\r\n"
    assert dict(envelope.headers)["x-amz-decoded-content-length"] == str(size)
    assert envelope.payload(pieces) == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def test_the_head_of_a_chunked_body_holds_for_all_of_its_size() -> None:
    bodies = Bodies(4096)
    envelope = Envelope(bodies, BodyMode.CHUNKED)
    lengths = {len(joined(envelope.wrapped(b"", bodies.fresh()))) for _ in itertools.repeat(None, 300)}
    assert lengths == {envelope.length}
