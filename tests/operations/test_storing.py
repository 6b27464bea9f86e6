"""PutObject through dispatch."""

import base64
import hashlib
import zlib
from dataclasses import replace
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from mys3d import limits
from mys3d.engine.hashing import hash_of
from mys3d.errors import S3Error
from mys3d.s3.checksums import ALGORITHMS, Algorithm
from mys3d.s3.message import Request

BODY = b"hello"
CRC32 = base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode()
CHUNKED = {
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "Content-Encoding": "aws-chunked",
    "x-amz-decoded-content-length": "5",
    "x-amz-trailer": "x-amz-checksum-crc32",
}
FRAMED = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + CRC32.encode() + b"\r\n\r\n"

KEYS = [
    "a b+c/é%2F~(x)",
    "/",
    "//",
    "folder/",
    ".",
    "..",
    "../../etc/passwd",
    "a//b",
    "k" * 1024,
    "é" * 512,
    "\x01control",
    "newline\nkey",
    "null\x00key",
    "%2F",
    "%252F",
    "?acl",
    "#x&y=z",
    "back\\slash",
]


def escaped(key: str) -> str:
    return quote_from_bytes(key.encode(), safe="/")


async def test_a_put_answers_with_etag_and_checksum(bucket: Any) -> None:
    put = await bucket("PUT", "/photos/cat.jpg", BODY)
    assert put.status == 200
    assert put.headers["etag"] == f'"{hashlib.md5(BODY).hexdigest()}"'
    assert put.headers["x-amz-checksum-crc64nvme"] == "M3eFcAZSQlc="
    assert put.headers["x-amz-checksum-type"] == "FULL_OBJECT"


@pytest.mark.parametrize("key", KEYS)
async def test_a_key_is_kept_to_the_byte(bucket: Any, key: str) -> None:
    url = f"/photos/{escaped(key)}"
    assert (await bucket("PUT", url, key.encode())).status == 200
    assert (await bucket("GET", url)).body == key.encode()
    listed = await bucket("GET", "/photos?list-type=2&encoding-type=url")
    assert listed.xml["Contents"]["Key"] == escaped(key)
    assert (await bucket("DELETE", url)).status == 204
    assert (await bucket("GET", url)).status == 404


async def test_a_key_has_at_most_1024_bytes(bucket: Any) -> None:
    for url in ("/photos/" + "k" * 1025, "/photos/" + "%C3%A9" * 513):
        found = await bucket("PUT", url, BODY)
        assert (found.status, found.code) == (400, "KeyTooLongError")


async def test_the_type_is_the_clients_or_guessed_from_the_key(bucket: Any) -> None:
    await bucket("PUT", "/photos/page.html", BODY)
    await bucket("PUT", "/photos/photo.jpg", BODY, {"Content-Type": "application/x-mine"})
    await bucket("PUT", "/photos/nothing", BODY)
    assert (await bucket("HEAD", "/photos/page.html")).headers["content-type"] == "text/html"
    assert (await bucket("HEAD", "/photos/photo.jpg")).headers["content-type"] == "application/x-mine"
    assert (await bucket("HEAD", "/photos/nothing")).headers["content-type"] == "binary/octet-stream"


async def test_metadata_and_content_headers_come_back(bucket: Any) -> None:
    sent = {
        "x-amz-meta-colour": "blue",
        "Cache-Control": "max-age=60",
        "Content-Disposition": 'attachment; filename="x"',
        "Content-Encoding": "gzip,aws-chunked",
        "Content-Language": "fr",
        "Expires": "Wed, 21 Oct 2026 07:28:00 GMT",
        "x-amz-website-redirect-location": "/other",
        "x-amz-storage-class": "STANDARD_IA",
    }
    request = bucket.signed("PUT", "/photos/k", BODY, sent)
    assert (await bucket.send(request, BODY)).status == 200
    told = (await bucket("HEAD", "/photos/k")).headers
    assert told["x-amz-meta-colour"] == "blue"
    assert told["cache-control"] == "max-age=60"
    assert told["content-disposition"] == 'attachment; filename="x"'
    assert told["content-encoding"] == "gzip"
    assert told["content-language"] == "fr"
    assert told["expires"] == "Wed, 21 Oct 2026 07:28:00 GMT"
    assert told["x-amz-website-redirect-location"] == "/other"
    assert told["x-amz-storage-class"] == "STANDARD_IA"


async def test_metadata_has_at_most_two_kibibytes(bucket: Any) -> None:
    fits = {"x-amz-meta-a": "v" * (limits.metadata_bytes_max - 1)}
    assert (await bucket("PUT", "/photos/k", BODY, fits)).status == 200
    over = {"x-amz-meta-a": "v" * limits.metadata_bytes_max}
    assert (await bucket("PUT", "/photos/k", BODY, over)).code == "MetadataTooLarge"


async def test_an_archive_class_is_not_promised(bucket: Any) -> None:
    assert (await bucket("PUT", "/photos/k", BODY, {"x-amz-storage-class": "GLACIER"})).code == "InvalidStorageClass"


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=lambda algorithm: algorithm.name)
async def test_each_checksum_is_verified_kept_and_told(bucket: Any, algorithm: Algorithm) -> None:
    value = base64.b64encode(hash_of(algorithm.hash, BODY)).decode()
    put = await bucket("PUT", "/photos/k", BODY, {algorithm.header: value})
    assert (put.status, put.headers[algorithm.header]) == (200, value)
    found = await bucket("HEAD", "/photos/k", headers={"x-amz-checksum-mode": "ENABLED"})
    assert (found.headers[algorithm.header], found.headers["x-amz-checksum-type"]) == (value, "FULL_OBJECT")
    wrong = base64.b64encode(bytes(algorithm.size)).decode()
    assert (await bucket("PUT", "/photos/k", BODY, {algorithm.header: wrong})).code == "BadDigest"


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=lambda algorithm: algorithm.name)
async def test_each_checksum_may_be_a_trailer(bucket: Any, algorithm: Algorithm) -> None:
    for value, code in ((hash_of(algorithm.hash, BODY), ""), (bytes(algorithm.size), "BadDigest")):
        text = base64.b64encode(value)
        framed = b"5\r\nhello\r\n0\r\n" + algorithm.header.encode() + b":" + text + b"\r\n\r\n"
        headers = {**CHUNKED, "x-amz-trailer": algorithm.header, "Content-Length": str(len(framed))}
        put = await bucket.send(bucket.signed("PUT", "/photos/k", b"", headers), framed)
        assert put.code == code if code else put.headers[algorithm.header] == text.decode()


@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_an_unsigned_trailer_is_verified_and_stored(bucket: Any, size: int) -> None:
    request = bucket.signed("PUT", "/photos/k", b"", {**CHUNKED, "Content-Length": str(len(FRAMED))})
    put = await bucket.send(request, *[FRAMED[at : at + size] for at in range(0, len(FRAMED), size)])
    assert (put.status, put.headers["x-amz-checksum-crc32"]) == (200, CRC32)
    found = await bucket("GET", "/photos/k", headers={"x-amz-checksum-mode": "ENABLED"})
    assert (found.body, found.headers["x-amz-checksum-crc32"]) == (BODY, CRC32)
    assert "content-encoding" not in found.headers


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (BODY, {"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"),
        (BODY, {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, "BadDigest"),
        (BODY, {"Content-MD5": "short"}, "InvalidDigest"),
        (BODY, {"x-amz-content-sha256": "0" * 64}, "XAmzContentSHA256Mismatch"),
        (BODY, {"x-amz-content-sha256": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"}, "NotImplemented"),
        (BODY, {"x-amz-content-sha256": "nonsense"}, "InvalidArgument"),
        (BODY, {"Content-Length": "6"}, "IncompleteBody"),
        (BODY, {"Content-Length": "4"}, "IncompleteBody"),
        (BODY, {"x-amz-checksum-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, "BadDigest"),
        (BODY, {"x-amz-server-side-encryption": "AES256"}, "NotImplemented"),
        (BODY, {"x-amz-acl": "aws-exec-read"}, "NotImplemented"),
        (BODY, {"x-amz-acl": "public-ready"}, "InvalidArgument"),
        (BODY, {"x-amz-copy-source": "/photos/other"}, "NoSuchKey"),
        (BODY, {"x-amz-tagging": "a=1&a=2"}, "InvalidTag"),
        (FRAMED.replace(CRC32.encode(), b"AAAAAA=="), CHUNKED, "BadDigest"),
        (FRAMED.replace(b"hello", b"hellO"), CHUNKED, "BadDigest"),
        (FRAMED[:-20], CHUNKED, "IncompleteBody"),
        (FRAMED.replace(b"x-amz-checksum-crc32", b"x-amz-checksum-sha1"), CHUNKED, "MalformedTrailerError"),
        (FRAMED, {**CHUNKED, "x-amz-decoded-content-length": "4"}, "IncompleteBody"),
        (FRAMED, {**CHUNKED, "x-amz-decoded-content-length": "6"}, "IncompleteBody"),
    ],
)
async def test_a_broken_promise_stores_nothing(bucket: Any, body: bytes, headers: dict[str, str], code: str) -> None:
    found = await bucket("PUT", "/photos/k", body, headers)
    assert found.code == code
    assert (await bucket("HEAD", "/photos/k")).status == 404


async def test_a_client_that_leaves_stores_nothing(bucket: Any) -> None:
    request = bucket.signed("PUT", "/photos/k", BODY)
    found = await bucket.send(request, b"he", S3Error("IncompleteBody"))
    assert found.code == "IncompleteBody"
    assert (await bucket("HEAD", "/photos/k")).status == 404


@pytest.mark.parametrize(
    ("headers", "code", "status"),
    [
        ({"Content-Length": str(limits.put_bytes_max + 1)}, "EntityTooLarge", 400),
        ({**CHUNKED, "x-amz-decoded-content-length": str(limits.put_bytes_max + 1)}, "EntityTooLarge", 400),
        ({"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, "MissingContentLength", 411),
        ({"If-None-Match": "*"}, "PreconditionFailed", 412),
        ({"If-Match": '"other"'}, "PreconditionFailed", 412),
    ],
)
async def test_what_the_head_allows_to_refuse_is_refused_before_the_body(
    bucket: Any, headers: dict[str, str], code: str, status: int
) -> None:
    await bucket("PUT", "/photos/k", BODY)

    request = bucket.signed("PUT", "/photos/k", BODY, headers)
    found = await bucket.send(request, AssertionError("the body was asked for"))
    assert (found.code, found.status) == (code, status)


async def test_a_body_without_a_bucket_is_not_asked_for(client: Any) -> None:
    found = await client.send(client.signed("PUT", "/none/k", BODY), AssertionError("the body was asked for"))
    assert (found.status, found.code) == (404, "NoSuchBucket")


async def test_conditions_of_a_put_are_decided_by_the_entity_tag(bucket: Any) -> None:
    etag = (await bucket("PUT", "/photos/k", BODY, {"If-None-Match": "*"})).headers["etag"]
    assert (await bucket("PUT", "/photos/k", b"2", {"If-None-Match": "*"})).code == "PreconditionFailed"
    assert (await bucket("PUT", "/photos/k", b"2", {"If-Match": etag})).status == 200
    assert (await bucket("PUT", "/photos/k", b"3", {"If-Match": etag})).code == "PreconditionFailed"
    assert (await bucket("PUT", "/photos/none", b"3", {"If-Match": etag})).code == "NoSuchKey"
    new = (await bucket("PUT", "/photos/k", b"2", {"If-None-Match": etag})).headers["etag"]
    assert (await bucket("PUT", "/photos/k", b"3", {"If-None-Match": new})).code == "PreconditionFailed"
    assert (await bucket("PUT", "/photos/k", b"3", {"If-None-Match": "*", "If-Match": etag})).code == "NotImplemented"
    assert (await bucket("GET", "/photos/k")).body == b"2"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_condition_that_names_no_entity_tag_is_never_taken_for_none(bucket: Any, method: str) -> None:
    await bucket("PUT", "/photos/k", BODY)
    assert (await bucket(method, "/photos/k", b"2", {"If-Match": '""'})).code == "PreconditionFailed"
    assert (await bucket(method, "/photos/k", b"2", {"If-Match": ""})).code == "InvalidArgument"
    assert (await bucket("PUT", "/photos/k", b"2", {"If-None-Match": ""})).code == "InvalidArgument"
    assert (await bucket("GET", "/photos/k")).body == BODY


@pytest.mark.parametrize("size", [0, 1, limits.blob_bytes_max - 1, limits.blob_bytes_max, limits.blob_bytes_max + 1])
async def test_a_body_of_any_size_comes_back(bucket: Any, size: int) -> None:
    body = bytes(range(251)) * (size // 251 + 1)
    body = body[:size]
    pieces = [body[at : at + 65536] for at in range(0, size, 65536)]
    put = await bucket.send(bucket.signed("PUT", "/photos/k", body), *pieces)
    assert put.headers["etag"] == f'"{hashlib.md5(body).hexdigest()}"'
    found = await bucket("GET", "/photos/k")
    assert (found.body == body, found.length) == (True, size)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("deflate, gzip", "deflate, gzip"),
        ("gzip,aws-chunked", "gzip"),
        ("aws-chunked, gzip", "gzip"),
        ("aws-chunked, aws-chunked", None),
    ],
)
async def test_a_content_encoding_comes_back_as_it_was_said(bucket: Any, said: str, kept: str | None) -> None:
    await bucket("PUT", "/photos/k", BODY, {"Content-Encoding": said})
    assert (await bucket("HEAD", "/photos/k")).headers.get("content-encoding") == kept


async def test_a_body_whose_length_is_told_by_its_end_is_stored_and_bounded(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = AWSRequest("PUT", "http://localhost:9000/photos/k")
    S3SigV4QueryAuth(Credentials(bucket.access_key, bucket.secret), "s3", "us-east-1", expires=60).add_auth(link)
    query = link.url.partition("?")[2].encode()
    bare = Request("PUT", b"/photos/k", query, ((b"host", b"localhost:9000"),), "http", "", "0" * 16)
    streamed = replace(bare, headers=(*bare.headers, (b"transfer-encoding", b"chunked")))
    assert (await bucket.send(streamed, b"hel", b"lo")).status == 200
    assert (await bucket("GET", "/photos/k")).body == BODY
    monkeypatch.setattr(limits, "put_bytes_max", 4)
    assert (await bucket.send(streamed, b"hel", b"lo")).code == "EntityTooLarge"
    assert (await bucket.send(bare, b"hello")).code == "MissingContentLength"
