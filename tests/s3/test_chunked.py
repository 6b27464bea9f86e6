"""The aws-chunked framing: published vectors, every cut, every broken promise."""

import hashlib
import hmac
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mys3d.errors import S3Error
from mys3d.s3.chunked import ChunkedDecoder, ChunkSigner
from mys3d.s3.sigv4 import SigningKeys

# Source: S3 API, "Transferring Payload in Multiple Chunks", example of 2013-05-24: 64 KiB and 1 KiB of "a".
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
FIRST = "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
SECOND = "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
LAST = "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
SCOPE = "20130524/us-east-1/s3/aws4_request"
KEY = SigningKeys().key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524", "us-east-1")
VECTOR = b"".join(
    [
        b"10000;chunk-signature=" + FIRST.encode() + b"\r\n" + b"a" * 65536 + b"\r\n",
        b"400;chunk-signature=" + SECOND.encode() + b"\r\n" + b"a" * 1024 + b"\r\n",
        b"0;chunk-signature=" + LAST.encode() + b"\r\n\r\n",
    ]
)
TRAILER_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
PLAIN = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
DECLARED = frozenset({"x-amz-checksum-crc32"})


def signer(seed: str = SEED) -> ChunkSigner:
    return ChunkSigner(KEY, "20130524T000000Z", SCOPE, seed)


def decode(decoder: ChunkedDecoder, pieces: list[bytes]) -> bytes:
    found = b"".join(part for piece in pieces for part in decoder.feed(piece))
    decoder.finish()
    return found


def refusal(decoder: ChunkedDecoder, *pieces: bytes) -> str:
    with pytest.raises(S3Error) as refused:
        decode(decoder, list(pieces))
    return refused.value.code


def test_the_published_chunks_verify() -> None:
    decoder = ChunkedDecoder(signer=signer())
    assert decode(decoder, [VECTOR]) == b"a" * 66560
    assert decoder.is_done


LOOSE = [b" chunk-signature=%b", b"chunk-signature =%b", b"chunk-signature= %b", b"chunk-signature=%b\r "]


@pytest.mark.parametrize("spelling", LOOSE)
def test_a_signature_is_read_as_it_stands_or_not_at_all(spelling: bytes) -> None:
    loose = VECTOR.replace(b"chunk-signature=" + LAST.encode(), spelling % LAST.encode())
    assert refusal(ChunkedDecoder(signer=signer()), loose) == "SignatureDoesNotMatch"


def trailer_vector() -> bytes:
    """The published example with a trailer; its signatures begin so: b474d886, 1c1344b1, 2ca2aba2, d81f82fc."""
    previous = TRAILER_SEED
    framed = b""
    for data in (b"a" * 65536, b"a" * 1024, b""):
        digest = hashlib.sha256(data).hexdigest()
        empty = hashlib.sha256(b"").hexdigest()
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n{SCOPE}\n{previous}\n{empty}\n{digest}"
        previous = hmac.digest(KEY, text.encode(), "sha256").hex()
        framed += f"{len(data):x};chunk-signature={previous}\r\n".encode() + data + (b"\r\n" if data else b"")
    line = b"x-amz-checksum-crc32c:sOO8/Q=="
    return (
        framed
        + line
        + b"\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
    )


def test_the_published_trailer_verifies() -> None:
    body = trailer_vector()
    assert b"=b474d886" in body
    assert b"=1c1344b1" in body
    assert b"=2ca2aba2" in body
    decoder = ChunkedDecoder(frozenset({"x-amz-checksum-crc32c"}), signer(TRAILER_SEED))
    assert len(decode(decoder, [body])) == 66560
    assert decoder.trailers["x-amz-checksum-crc32c"] == "sOO8/Q=="


@pytest.mark.parametrize(
    "change", [(b"d81f82fc", b"d81f82fd"), (b"sOO8", b"sOO9"), (b"x-amz-trailer-sig", b"x-amz-trailer-gis")]
)
def test_a_changed_trailer_is_refused(change: tuple[bytes, bytes]) -> None:
    decoder = ChunkedDecoder(frozenset({"x-amz-checksum-crc32c"}), signer(TRAILER_SEED))
    assert refusal(decoder, trailer_vector().replace(*change)) in ("SignatureDoesNotMatch", "MalformedTrailerError")


def test_a_signed_trailer_without_its_signature_is_refused() -> None:
    body = trailer_vector()
    cut = body[: body.index(b"x-amz-trailer-signature")] + b"\r\n"
    decoder = ChunkedDecoder(frozenset({"x-amz-checksum-crc32c"}), signer(TRAILER_SEED))
    assert refusal(decoder, cut) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("seed", range(30))
def test_one_changed_byte_of_signed_chunks_is_never_accepted(seed: int) -> None:
    chance = random.Random(seed)
    at = chance.choice([chance.randrange(120), chance.randrange(len(VECTOR)), len(VECTOR) - 1 - chance.randrange(400)])
    changed = bytearray(VECTOR)
    changed[at] ^= 1 << chance.randrange(7)
    try:
        found = decode(ChunkedDecoder(signer=signer()), [bytes(changed)])
    except S3Error:
        return
    # What is left are other spellings of the framing: "\r" of a line end, "A" for "a" in a size.
    assert found == b"a" * 66560


def test_a_forged_seed_signature_spoils_the_first_chunk() -> None:
    assert refusal(ChunkedDecoder(signer=signer("0" * 64)), VECTOR) == "SignatureDoesNotMatch"


def test_a_chunk_without_signature_is_refused_where_chunks_are_signed() -> None:
    assert refusal(ChunkedDecoder(signer=signer()), b"1\r\na\r\n0\r\n\r\n") == "SignatureDoesNotMatch"


def test_chunks_in_another_order_are_refused() -> None:
    first, rest = VECTOR[:65626], VECTOR[65626:]
    second, last = rest[: rest.index(b"0;chunk")], rest[rest.index(b"0;chunk") :]
    assert refusal(ChunkedDecoder(signer=signer()), second + first + last) != ""


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_any_cut_of_the_stream_gives_the_same_bytes(size: int) -> None:
    decoder = ChunkedDecoder(DECLARED)
    assert decode(decoder, [PLAIN[at : at + size] for at in range(0, len(PLAIN), size)]) == b"hello"
    assert decoder.trailers == {"x-amz-checksum-crc32": "NhCmhg=="}


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.data())
def test_any_chunks_in_any_cut_are_joined(chunks: list[bytes], data: st.DataObject) -> None:
    framed = b"".join([b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks]) + b"0\r\n\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(framed)), max_size=6)))
    edges = [0, *cuts, len(framed)]
    pieces = [framed[start:stop] for start, stop in itertools.pairwise(edges)]
    assert decode(ChunkedDecoder(), pieces) == b"".join(chunks)


@given(st.binary(max_size=80))
def test_rubbish_is_refused_or_decoded_and_never_crashes(rubbish: bytes) -> None:
    decoder = ChunkedDecoder(DECLARED)
    try:
        decode(decoder, [rubbish])
    except S3Error as error:
        assert error.code in ("IncompleteBody", "MalformedTrailerError", "EntityTooLarge")
    else:
        assert decoder.is_done


def test_lines_may_end_with_a_line_feed_alone() -> None:
    assert decode(ChunkedDecoder(DECLARED), [PLAIN.replace(b"\r\n", b"\n")]) == b"hello"


def test_the_empty_line_at_the_end_may_be_missing() -> None:
    assert decode(ChunkedDecoder(DECLARED), [PLAIN.removesuffix(b"\r\n")]) == b"hello"
    assert decode(ChunkedDecoder(), [b"2\r\nhi\r\n0\r\n"]) == b"hi"


@pytest.mark.parametrize("stop", range(len(PLAIN) - 2))
def test_a_stream_that_ends_early_is_incomplete(stop: int) -> None:
    assert refusal(ChunkedDecoder(DECLARED), PLAIN[:stop]) in ("IncompleteBody", "MalformedTrailerError")


@pytest.mark.parametrize(
    ("framed", "code"),
    [
        (b"\r\n", "IncompleteBody"),
        (b"-1\r\n", "IncompleteBody"),
        (b"0x5\r\nhello\r\n", "IncompleteBody"),
        (b"5 \r\nhello\r\n", "IncompleteBody"),
        (b"11111111111111111\r\n", "IncompleteBody"),
        (b"ffffffffffffffff\r\n", "EntityTooLarge"),
        (b"5\r\nhello!\r\n0\r\n\r\n", "IncompleteBody"),
        (b"5" + b";" * 2000, "IncompleteBody"),
        (PLAIN + b"x", "IncompleteBody"),
        (b"0\r\n\r\n", "MalformedTrailerError"),
        (b"0\r\nx-amz-checksum-crc32\r\n\r\n", "MalformedTrailerError"),
        (b"0\r\nx-amz-checksum-crc32:a\r\nx-amz-checksum-crc32:b\r\n\r\n", "MalformedTrailerError"),
        (b"0\r\nx-amz-checksum-crc32:a\r\nx-amz-meta-b:c\r\n\r\n", "MalformedTrailerError"),
    ],
)
def test_broken_framing_is_refused(framed: bytes, code: str) -> None:
    assert refusal(ChunkedDecoder(DECLARED), framed) == code


def test_object_bytes_within_a_chunk_may_be_skipped_and_are_signed_all_the_same() -> None:
    decoder = ChunkedDecoder(signer=signer())
    head, data = VECTOR[:100], b"a" * 65536
    found = decoder.feed(head)
    skipped = decoder.data_left - 5
    assert decoder.data_left == 65536 - len(b"".join(found))
    decoder.skip(memoryview(data)[:skipped])
    rest = decoder.feed(VECTOR[100 + skipped :])
    decoder.finish()
    assert len(b"".join(found)) + skipped + len(b"".join(rest)) == 66560


def test_a_wrong_byte_that_was_skipped_spoils_its_chunk() -> None:
    decoder = ChunkedDecoder(signer=signer())
    decoder.feed(VECTOR[:100])
    decoder.skip(memoryview(b"a" * 999 + b"b"))
    assert refusal(decoder, VECTOR[1100:]) == "SignatureDoesNotMatch"


def test_no_more_than_the_chunk_can_be_skipped() -> None:
    decoder = ChunkedDecoder()
    assert decoder.data_left == 0
    decoder.feed(b"5\r\nhe")
    assert decoder.data_left == 3
    with pytest.raises(AssertionError):
        decoder.skip(memoryview(b"llo!"))
    decoder.skip(memoryview(b"llo"))
    assert decoder.data_left == 0 and decoder.feed(b"\r\n0\r\n\r\n") == []
