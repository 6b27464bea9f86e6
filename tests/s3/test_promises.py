"""What a request promises about its body."""

import hashlib

import pytest

from mys3d.errors import S3Error
from mys3d.model.objects import Checksum
from mys3d.s3 import promises
from mys3d.s3.promises import Framing

BODY = b"hello"
SHA256 = hashlib.sha256(BODY)
MD5 = hashlib.md5(BODY).digest()
CRC32 = bytes.fromhex("3610a686")
HASHES = {"sha256": SHA256.digest(), "crc32": CRC32, "crc64nvme": bytes(8)}


def check(headers: dict[str, str], trailers: dict[str, str] | None = None, size: int = 5) -> Checksum | None:
    return promises.check(promises.read(headers), trailers or {}, size, MD5, HASHES)


def refusal(headers: dict[str, str], trailers: dict[str, str] | None = None, size: int = 5) -> str:
    with pytest.raises(S3Error) as refused:
        check(headers, trailers, size)
    return refused.value.code


@pytest.mark.parametrize("framing", [framing for framing in Framing if framing is not Framing.PLAIN])
def test_every_streaming_form_is_known_by_its_name(framing: Framing) -> None:
    assert promises.framing_of(framing.value) is framing


def test_a_hash_in_hex_is_a_plain_body() -> None:
    assert promises.framing_of(SHA256.hexdigest()) is Framing.PLAIN


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "NotImplemented"),
        ("STREAMING-SOMETHING", "NotImplemented"),
        ("", "InvalidArgument"),
        (SHA256.hexdigest().upper(), "InvalidArgument"),
        ("a SHA-256 in hex", "InvalidArgument"),
        ("0" * 63, "InvalidArgument"),
    ],
)
def test_another_form_is_refused(text: str, code: str) -> None:
    with pytest.raises(S3Error) as refused:
        promises.framing_of(text)
    assert refused.value.code == code


def test_a_kept_promise_passes() -> None:
    headers = {
        "x-amz-content-sha256": SHA256.hexdigest(),
        "content-length": "5",
        "content-md5": "XUFAKrxLKna5cZ2REBfFkg==",
        "x-amz-checksum-crc32": "NhCmhg==",
    }
    assert promises.read(headers).wanted() == {"sha256", "crc32"}
    assert check(headers) == Checksum("CRC32", CRC32)


def test_a_checksum_may_come_behind_the_body() -> None:
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "5",
        "content-length": "48",
        "x-amz-trailer": "X-Amz-Checksum-CRC32",
    }
    assert promises.read(headers).length == 5
    assert check(headers, {"x-amz-checksum-crc32": "NhCmhg=="}) == Checksum("CRC32", CRC32)
    assert refusal(headers, {"x-amz-checksum-crc32": "AAAAAA=="}) == "BadDigest"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content-length": "6"}, "IncompleteBody"),
        ({"content-length": "4"}, "IncompleteBody"),
        ({"x-amz-content-sha256": "0" * 64}, "XAmzContentSHA256Mismatch"),
        ({"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, "BadDigest"),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"),
        ({"content-length": "five"}, "InvalidArgument"),
        ({"content-length": "-5"}, "InvalidArgument"),
        ({"content-md5": "x"}, "InvalidDigest"),
    ],
)
def test_a_broken_promise_is_named(headers: dict[str, str], code: str) -> None:
    assert refusal({"x-amz-content-sha256": "UNSIGNED-PAYLOAD", **headers}) == code


def test_without_a_promise_the_default_checksum_is_kept() -> None:
    promised = promises.read({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    assert promised.wanted(default="crc64nvme") == {"crc64nvme"}
    assert check({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}) == Checksum("CRC64NVME", bytes(8))


def test_a_declared_trailer_counts_only_where_trailers_come() -> None:
    promised = promises.read({"x-amz-content-sha256": "UNSIGNED-PAYLOAD", "x-amz-trailer": "x-amz-checksum-crc32"})
    assert promised.trailers == frozenset()
    assert promised.checksum is None
