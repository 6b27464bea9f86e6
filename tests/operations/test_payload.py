"""The body of a request as its operation reads it."""

import hashlib

import pytest

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.operations.payload import Payload, read_document
from mys3d.operations.removing import Delete, ObjectIdentifier
from mys3d.s3 import promises

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
