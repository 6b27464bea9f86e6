"""Each error that a request of a signer can meet: its status, its code and its fields, and what HEAD tells of it."""

from typing import Any

import pytest

from mys3d import limits

LONG = "k" * (limits.key_bytes_max + 1)
XML = "<CreateBucketConfiguration>{}</CreateBucketConfiguration>"
DELETE = b"<Delete><Object><Key>k</Key></Object></Delete>"
COPY = {"x-amz-copy-source": "/photos/k"}
HUGE = {"Content-Length": str(limits.put_bytes_max + 1)}

# method, url, headers, body -> status, code, fields beside the four of every error
ANSWERS: list[tuple[str, str, dict[str, str], bytes, int, str, dict[str, str]]] = [
    ("GET", "/none", {}, b"", 404, "NoSuchBucket", {"BucketName": "none"}),
    ("GET", "/photos/none", {}, b"", 404, "NoSuchKey", {"Key": "none"}),
    ("GET", "/photos?tagging", {}, b"", 404, "NoSuchTagSet", {"BucketName": "photos"}),
    ("GET", "/photos/%zz", {}, b"", 400, "InvalidURI", {}),
    ("GET", f"/photos/{LONG}", {}, b"", 400, "KeyTooLongError", {"Size": "1025", "MaxSizeAllowed": "1024"}),
    ("GET", "/photos?website", {}, b"", 501, "NotImplemented", {}),
    ("GET", "/photos/k", {"If-Match": "x"}, b"", 412, "PreconditionFailed", {"Condition": "If-Match"}),
    ("GET", "/photos/k", {"Range": "bytes=9-"}, b"", 416, "InvalidRange", {"ActualObjectSize": "4"}),
    ("GET", "/photos?max-keys=x", {}, b"", 400, "InvalidArgument", {"ArgumentName": "max-keys"}),
    ("POST", "/photos/k", {}, b"", 405, "MethodNotAllowed", {"Method": "POST"}),
    ("PUT", "/Photos", {}, b"", 400, "InvalidBucketName", {"BucketName": "Photos"}),
    ("PUT", "/pho..tos", {}, b"", 400, "InvalidBucketName", {"BucketName": "pho..tos"}),
    ("PUT", "/ab", {}, b"", 400, "InvalidBucketName", {"BucketName": "ab"}),
    ("PUT", "/192.168.5.4", {}, b"", 400, "InvalidBucketName", {"BucketName": "192.168.5.4"}),
    ("PUT", "/other", {}, b"<a", 400, "MalformedXML", {}),
    ("PUT", "/other", {}, XML.format("<Other/>").encode(), 400, "MalformedXML", {}),
    ("PUT", "/other", {}, b"<?xml version='1.0'?><!DOCTYPE a><a/>", 400, "MalformedXML", {}),
    ("DELETE", "/photos", {}, b"", 409, "BucketNotEmpty", {}),
    ("PUT", f"/photos/{LONG}", {}, b"x", 400, "KeyTooLongError", {"Size": "1025"}),
    ("PUT", "/photos/k", {"x-amz-meta-a": "x" * 2048}, b"x", 400, "MetadataTooLarge", {"Size": "2049"}),
    ("PUT", "/photos/k", {"x-amz-storage-class": "BEST"}, b"x", 400, "InvalidStorageClass", {}),
    ("PUT", "/photos/k", {"x-amz-tagging": "aws:a=1"}, b"x", 400, "InvalidTag", {"TagKey": "aws:a"}),
    ("PUT", "/photos/k", {"Content-MD5": "x"}, b"x", 400, "InvalidDigest", {}),
    ("PUT", "/photos/k", {"x-amz-checksum-crc32": "AAAAAA=="}, b"x", 400, "BadDigest", {}),
    ("PUT", "/photos/k", {"x-amz-content-sha256": "0" * 64}, b"x", 400, "XAmzContentSHA256Mismatch", {}),
    ("PUT", "/photos/k", {"Content-Length": "9"}, b"x", 400, "IncompleteBody", {}),
    ("PUT", "/photos/k", HUGE, b"x", 400, "EntityTooLarge", {"MaxSizeAllowed": str(5 << 30)}),
    ("PUT", "/photos/k", {"x-amz-server-side-encryption": "AES256"}, b"x", 501, "NotImplemented", {}),
    ("PUT", "/photos/k", {"If-None-Match": "*"}, b"x", 412, "PreconditionFailed", {"Condition": "If-None-Match"}),
    ("PUT", "/photos/none", {"If-Match": "x"}, b"x", 404, "NoSuchKey", {"Key": "none"}),
    ("PUT", "/photos/k", COPY, b"", 400, "InvalidRequest", {}),
    ("POST", "/photos?delete", {}, b"", 400, "MissingRequestBodyError", {}),
    ("POST", "/photos?delete", {}, b"<Delete/>", 400, "MalformedXML", {}),
    ("POST", "/photos?delete", {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, DELETE, 400, "BadDigest", {}),
    ("POST", "/photos?delete", {"Content-Length": str(3 << 20)}, b"x", 400, "MaxMessageLengthExceeded", {}),
]


@pytest.fixture
async def stored(bucket: Any) -> Any:
    """A client of a bucket with the object `k`."""
    await bucket("PUT", "/photos/k", b"data")
    return bucket


@pytest.mark.parametrize(("method", "url", "headers", "body", "status", "code", "fields"), ANSWERS)
async def test_an_error_has_its_status_its_code_and_its_fields(
    stored: Any,
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes,
    status: int,
    code: str,
    fields: dict[str, str],
) -> None:
    found = await stored(method, url, body, headers)
    assert (found.status, found.code) == (status, code)
    assert {name: found.xml[name] for name in fields} == fields
    assert found.headers["content-type"] == "application/xml"
    assert found.xml["RequestId"] == found.headers["x-amz-request-id"]
    assert found.xml["HostId"] == found.headers["x-amz-id-2"]
    assert found.xml["Resource"] == url.split("?")[0]
    assert found.xml["Message"]
    assert (await stored("GET", "/photos/k")).body == b"data", "nothing was changed"


@pytest.mark.parametrize(("method", "url", "headers", "body", "status", "code", "fields"), ANSWERS)
async def test_head_has_the_status_without_a_body(
    stored: Any, method: str, url: str, headers: dict[str, str], body: bytes, status: int, code: str, fields: Any
) -> None:
    if method != "GET" or "?" in url:
        return
    found = await stored("HEAD", url, headers=headers)
    assert (found.status, found.body, found.length) == (status, b"", None)


async def test_a_part_of_nothing_is_outside(bucket: Any) -> None:
    await bucket("PUT", "/photos/empty", b"")
    assert (await bucket("GET", "/photos/empty", headers={"Range": "bytes=0-"})).status == 416
    assert (await bucket("GET", "/photos/empty", headers={"Range": "bytes=-5"})).status == 416


@pytest.mark.parametrize("wanted", ["bytes=5-2", "bytes=0-0,2-3", "bytes=a-b", "items=0-1", "bytes", ""])
async def test_a_range_that_means_nothing_is_the_whole(stored: Any, wanted: str) -> None:
    found = await stored("GET", "/photos/k", headers={"Range": wanted} if wanted else {})
    assert (found.status, found.body) == (200, b"data")
