"""The body of a request as its operation reads it."""

import hashlib

import pytest

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.operations.payload import Payload, read_document
from mys3d.operations.removing import Delete, ObjectIdentifier
from mys3d.s3 import promises
from mys3d.s3.message import KnownBody

CHUNKED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


class Pieces:
    """A body that arrives in these pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    async def read(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def payload(*pieces: bytes, **headers: str) -> Payload:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Payload(Pieces(*pieces), promises.read({"x-amz-content-sha256": "UNSIGNED-PAYLOAD", **named}))


async def read_all(source: Payload) -> bytes:
    found = b""
    while piece := await source.read():
        found += piece
    return found


async def test_a_plain_body_passes_as_it_is() -> None:
    assert await read_all(payload(b"hel", b"lo", content_length="5")) == b"hello"


async def test_framing_is_undone_and_trailers_are_kept() -> None:
    framed = b"5\r\nhello\r\n1\r\n!\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
    source = payload(
        *[framed[at : at + 1] for at in range(len(framed))],
        x_amz_content_sha256=CHUNKED,
        x_amz_decoded_content_length="6",
        x_amz_trailer="x-amz-checksum-crc32",
    )
    assert await read_all(source) == b"hello!"
    assert source.trailers == {"x-amz-checksum-crc32": "AAAAAA=="}


@pytest.mark.parametrize("length", ["4", "6"])
async def test_another_length_than_promised_is_incomplete(length: str) -> None:
    with pytest.raises(S3Error) as refused:
        await read_all(payload(b"hello", content_length=length))
    assert refused.value.code == "IncompleteBody"


@pytest.mark.parametrize("length", ["4", "6"])
async def test_another_decoded_length_than_promised_is_incomplete(length: str) -> None:
    source = payload(b"5\r\nhello\r\n0\r\n\r\n", x_amz_content_sha256=CHUNKED, x_amz_decoded_content_length=length)
    with pytest.raises(S3Error) as refused:
        await read_all(source)
    assert refused.value.code == "IncompleteBody"


async def test_framing_that_breaks_off_is_incomplete() -> None:
    with pytest.raises(S3Error) as refused:
        await read_all(payload(b"5\r\nhel", x_amz_content_sha256=CHUNKED))
    assert refused.value.code == "IncompleteBody"


class Known(Pieces, KnownBody):
    """A body of known length that arrives in these pieces."""

    def __init__(self, *pieces: bytes) -> None:
        super().__init__(*pieces)
        self.filled = 0

    @property
    def left(self) -> int:
        return sum(map(len, self._pieces))

    async def fill(self, room: memoryview) -> None:
        assert len(room) <= self.left, "what comes behind the body is not ours to read"
        self.filled += len(room)
        start = 0
        while start < len(room):
            piece = await self.read()
            if not piece:
                raise S3Error("IncompleteBody")
            taken = piece[: len(room) - start]
            room[start : start + len(taken)] = taken
            start += len(taken)
            if len(taken) < len(piece):
                self._pieces.insert(0, piece[len(taken) :])


def known(*pieces: bytes, **headers: str) -> tuple[Payload, Known]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = Known(*pieces)
    return Payload(body, promises.read({"x-amz-content-sha256": "UNSIGNED-PAYLOAD", **named})), body


async def read_in_place(source: Payload, step: int) -> bytes:
    found = b""
    while source.expected:
        room = bytearray(min(step, source.expected))
        found += room[: await source.read_into(memoryview(room))]
    assert await source.read() == b""
    return found


async def test_a_body_of_known_length_is_put_in_its_place() -> None:
    source, _ = known(b"hel", b"lo, ", b"world", content_length="12")
    assert await source.read() == b"hel" and source.expected == 9
    assert await read_in_place(source, 5) == b"lo, world"


@pytest.mark.parametrize("headers", [{}, {"transfer_encoding": "chunked"}, {"x_amz_content_sha256": CHUNKED}])
async def test_a_body_without_a_promised_length_is_only_read(headers: dict[str, str]) -> None:
    source, _ = known(b"hello", **headers)
    assert source.expected == 0
    assert payload(b"hello", content_length="5").expected == 0


LONG = bytes(range(256)) * 1024


def framed(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


@pytest.mark.parametrize("step", [1000, 65_536, 100_000, 1_000_000])
@pytest.mark.parametrize("cut", [999, 65_536, 1_000_000])
async def test_bytes_of_long_chunks_are_put_in_their_place_past_the_decoder(step: int, cut: int) -> None:
    wire = framed(LONG[:200_000], LONG[200_000:200_010], LONG[200_010:])
    pieces = [wire[start : start + cut] for start in range(0, len(wire), cut)]
    source, body = known(*pieces, x_amz_content_sha256=CHUNKED, x_amz_decoded_content_length=str(len(LONG)))
    assert await read_in_place(source, step) == LONG
    assert body.filled > 60_000 or cut > 65_536


async def test_chunks_that_end_before_the_promised_length_are_incomplete() -> None:
    headers = {"x_amz_content_sha256": CHUNKED, "x_amz_decoded_content_length": "6"}
    source, _ = known(framed(b"hello"), **headers)
    with pytest.raises(S3Error) as refused:
        await read_in_place(source, 3)
    assert refused.value.code == "IncompleteBody"


DOCUMENT = b"<Delete><Object><Key>k</Key></Object></Delete>"


async def document(source: Payload, bytes_max: int = limits.xml_body_bytes_max) -> object | None:
    return await read_document(source, "Delete", Delete, bytes_max)


async def test_a_document_becomes_a_record() -> None:
    assert await document(payload(DOCUMENT)) == Delete((ObjectIdentifier("k"),))


async def test_an_empty_body_is_no_document() -> None:
    assert await document(payload(content_length="0")) is None


async def test_a_document_may_come_with_a_trailing_checksum() -> None:
    framed = b"%x\r\n%b\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n" % (len(DOCUMENT), DOCUMENT)
    source = payload(framed, x_amz_content_sha256=CHUNKED, x_amz_trailer="x-amz-checksum-crc32")
    with pytest.raises(S3Error) as refused:
        await document(source)
    assert refused.value.code == "BadDigest"


async def test_a_document_is_compared_with_its_promises() -> None:
    good = hashlib.sha256(DOCUMENT).hexdigest()
    assert await document(payload(DOCUMENT, x_amz_content_sha256=good)) is not None
    with pytest.raises(S3Error) as refused:
        await document(payload(DOCUMENT, x_amz_content_sha256="0" * 64))
    assert refused.value.code == "XAmzContentSHA256Mismatch"
    with pytest.raises(S3Error) as refused:
        await document(payload(DOCUMENT, content_md5="AAAAAAAAAAAAAAAAAAAAAA=="))
    assert refused.value.code == "BadDigest"


@pytest.mark.parametrize("promised", [True, False])
async def test_a_document_has_a_largest_size(promised: bool) -> None:
    headers = {"content_length": str(len(DOCUMENT))} if promised else {}
    with pytest.raises(S3Error) as refused:
        await document(payload(DOCUMENT, **headers), bytes_max=len(DOCUMENT) - 1)
    assert refused.value.code == "MaxMessageLengthExceeded"


async def test_a_large_document_is_read_off_the_loop() -> None:
    rows = b"".join([b"<Object><Key>%b</Key></Object>" % (b"%06d" % number * 160) for number in range(600)])
    found = await document(payload(b"<Delete>" + rows + b"</Delete>"))
    assert isinstance(found, Delete)
    assert len(found.objects) == 600
