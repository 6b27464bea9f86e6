"""GetObject and HeadObject through dispatch."""

from typing import Any

import pytest

from mys3d import limits
from mys3d.errors import Unavailable

BODY = b"0123456789"
MODIFIED = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.fixture
async def stored(bucket: Any) -> Any:
    """A client of a bucket with the object `k`."""
    await bucket("PUT", "/photos/k", BODY, {"Content-Type": "text/plain"})
    return bucket


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_object_is_told_with_its_headers(stored: Any, method: str) -> None:
    found = await stored(method, "/photos/k")
    assert found.status == 200
    assert found.body == (BODY if method == "GET" else b"")
    assert found.length == len(BODY)
    assert found.headers["etag"] == '"781e5e245d69b566979b86e28d23f2c7"'
    assert found.headers["content-type"] == "text/plain"
    assert found.headers["accept-ranges"] == "bytes"
    assert found.headers["last-modified"].endswith(" GMT")
    assert "x-amz-storage-class" not in found.headers
    assert "x-amz-checksum-crc64nvme" not in found.headers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("wanted", "start", "stop"), [("bytes=0-0", 0, 1), ("bytes=3-", 3, 10), ("bytes=-2", 8, 10), ("bytes=5-99", 5, 10)]
)
async def test_a_range_is_exactly_those_bytes(stored: Any, method: str, wanted: str, start: int, stop: int) -> None:
    found = await stored(method, "/photos/k", headers={"Range": wanted, "x-amz-checksum-mode": "ENABLED"})
    assert found.status == 206
    assert found.headers["content-range"] == f"bytes {start}-{stop - 1}/10"
    assert found.length == stop - start
    assert found.body == (BODY[start:stop] if method == "GET" else b"")
    assert "x-amz-checksum-crc64nvme" not in found.headers


async def test_a_range_outside_is_refused_with_the_size(stored: Any) -> None:
    found = await stored("GET", "/photos/k", headers={"Range": "bytes=10-12"})
    assert (found.status, found.code, found.xml["ActualObjectSize"]) == (416, "InvalidRange", "10")
    assert found.headers["content-range"] == "bytes */10"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_download_goes_on_only_with_the_same_object(stored: Any, method: str) -> None:
    etag = (await stored("HEAD", "/photos/k")).headers["etag"]
    same = await stored(method, "/photos/k", headers={"Range": "bytes=3-", "If-Range": etag})
    assert (same.status, same.length) == (206, 7)
    other = await stored(method, "/photos/k", headers={"Range": "bytes=3-", "If-Range": '"other"'})
    assert (other.status, other.length) == (200, 10)
    beyond = await stored(method, "/photos/k", headers={"Range": "bytes=99-", "If-Range": '"other"'})
    assert beyond.status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_checksum_is_told_when_asked_for(stored: Any, method: str) -> None:
    found = await stored(method, "/photos/k", headers={"x-amz-checksum-mode": "ENABLED"})
    assert found.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert len(found.headers["x-amz-checksum-crc64nvme"]) == 12


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_the_client_has_is_not_sent_again(stored: Any, method: str) -> None:
    etag = (await stored("HEAD", "/photos/k")).headers["etag"]
    found = await stored(method, "/photos/k", headers={"If-None-Match": etag})
    assert (found.status, found.body, found.headers["etag"]) == (304, b"", etag)
    assert "content-type" not in found.headers


async def test_a_condition_that_fails_is_named(stored: Any) -> None:
    found = await stored("GET", "/photos/k", headers={"If-Match": "other"})
    assert (found.status, found.code, found.xml["Condition"]) == (412, "PreconditionFailed", "If-Match")
    past = await stored("GET", "/photos/k", headers={"If-Unmodified-Since": "Wed, 21 Oct 2009 07:28:00 GMT"})
    assert (past.status, past.xml["Condition"]) == (412, "If-Unmodified-Since")
    assert (await stored("HEAD", "/photos/k", headers={"If-Match": "other"})).body == b""


async def test_the_query_says_what_headers_to_answer_with(stored: Any) -> None:
    query = "response-content-type=image%2Fpng&response-cache-control=no-store&response-expires=never"
    found = await stored("GET", f"/photos/k?{query}")
    assert found.headers["content-type"] == "image/png"
    assert found.headers["cache-control"] == "no-store"
    assert found.headers["expires"] == "never"


@pytest.mark.parametrize("text", ["a%0D%0ASet-Cookie%3A%20x%3D1", "a%0Ab", "a%00b"])
async def test_the_query_cannot_add_a_header(stored: Any, text: str) -> None:
    found = await stored("GET", f"/photos/k?response-content-type={text}")
    assert found.code == "InvalidArgument"
    assert "set-cookie" not in found.headers


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [("GET", "/photos/none", 404), ("HEAD", "/photos/none", 404), ("GET", "/none/k", 404), ("GET", "/photos/k/", 404)],
)
async def test_what_is_not_there_is_not_found(stored: Any, method: str, url: str, status: int) -> None:
    found = await stored(method, url)
    assert found.status == status
    assert (found.body == b"") is (method == "HEAD")


async def test_a_missing_key_is_named(stored: Any) -> None:
    found = await stored("GET", "/photos/none")
    assert (found.code, found.xml["Key"]) == ("NoSuchKey", "none")
    assert (await stored("GET", "/none/k")).code == "NoSuchBucket"


async def test_the_only_version_is_the_null_version(stored: Any) -> None:
    assert (await stored("GET", "/photos/k?versionId=null")).body == BODY


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("version_id", ["1", "..", "3HL4kqtJlcpXrof3vjVBH40Nrjfkd"])
async def test_another_version_is_refused(stored: Any, method: str, version_id: str) -> None:
    found = await stored(method, f"/photos/k?versionId={version_id}")
    assert (found.status, found.code) == (400, "InvalidArgument")
    assert (await stored("GET", "/photos/k")).status == 200


async def test_an_empty_object_has_no_bytes(bucket: Any) -> None:
    await bucket("PUT", "/photos/empty", b"")
    found = await bucket("GET", "/photos/empty")
    assert (found.status, found.body, found.length) == (200, b"", 0)
    assert (await bucket("GET", "/photos/empty", headers={"Range": "bytes=0-"})).status == 416


async def test_a_large_object_is_streamed_in_pieces(bucket: Any) -> None:
    body = bytes(range(256)) * 4096 * 5
    request = bucket.signed("PUT", "/photos/large", body)
    await bucket.send(request, *[body[at : at + 65536] for at in range(0, len(body), 65536)])
    found = await bucket("GET", "/photos/large")
    assert (found.body == body, found.length) == (True, len(body))
    wanted = f"bytes={limits.blob_bytes_max - 3}-{limits.blob_bytes_max + 300_000}"
    part = await bucket("GET", "/photos/large", headers={"Range": wanted})
    assert part.body == body[limits.blob_bytes_max - 3 : limits.blob_bytes_max + 300_001]


@pytest.mark.parametrize("size", [10, limits.read_piece_bytes + 1])
async def test_bytes_that_nobody_has_are_an_error_status(bucket: Any, with_ports: Any, size: int) -> None:
    class Empty:
        """Blobs that hold nothing."""

        async def read(self, *_asked: object) -> None:
            raise Unavailable("the directory is offline")

    await bucket.send(bucket.signed("PUT", "/photos/k", b"x" * size), b"x" * size)
    found = await with_ports(bucket, blobs=Empty())("GET", "/photos/k")
    assert (found.status, found.code, found.headers["retry-after"]) == (503, "SlowDown", "1")


@pytest.fixture
async def in_parts(stored: Any, put_in_parts: Any) -> Any:
    """A client of a bucket with the object `p` of the parts `abc`, `de` and `f`."""
    await put_in_parts(stored, b"abc", b"de", b"f")
    return stored


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_one_part_is_read(in_parts: Any, method: str) -> None:
    found = await in_parts(method, "/photos/p?partNumber=2", headers={"x-amz-checksum-mode": "ENABLED"})
    assert (found.status, found.length, found.headers["content-range"]) == (206, 2, "bytes 3-4/6")
    assert found.headers["x-amz-mp-parts-count"] == "3"
    assert found.headers["etag"].endswith('-3"')
    assert len(found.headers["x-amz-checksum-sha256"]) == 44, "that of the part"
    assert found.headers["x-amz-checksum-type"] == "COMPOSITE", "that of the object"
    if method == "GET":
        assert found.body == b"de"


async def test_of_a_part_the_algorithm_of_its_object_is_told(bucket: Any) -> None:
    upload = (await bucket("POST", "/photos/p?uploads")).xml["UploadId"]
    crc32 = {"x-amz-checksum-crc32": "NSRBwg=="}
    etag = (await bucket("PUT", f"/photos/p?uploadId={upload}&partNumber=1", b"abc", crc32)).headers["etag"]
    listed = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
    assert (await bucket("POST", f"/photos/p?uploadId={upload}", document)).status == 200
    found = await bucket("GET", "/photos/p?partNumber=1", headers={"x-amz-checksum-mode": "ENABLED"})
    told = {name for name in found.headers if name.startswith("x-amz-checksum")}
    assert told == {"x-amz-checksum-crc64nvme", "x-amz-checksum-type"}
    assert found.headers["x-amz-checksum-type"] == "FULL_OBJECT"


async def test_the_whole_of_an_object_in_parts_tells_no_count(in_parts: Any) -> None:
    found = await in_parts("GET", "/photos/p")
    assert (found.status, found.body) == (200, b"abcdef")
    assert "x-amz-mp-parts-count" not in found.headers


async def test_an_object_of_one_put_is_its_only_part(stored: Any) -> None:
    found = await stored("GET", "/photos/k?partNumber=1")
    assert (found.status, found.body, found.headers["content-range"]) == (206, BODY, "bytes 0-9/10")
    assert "x-amz-mp-parts-count" not in found.headers
    await stored("PUT", "/photos/empty", b"")
    empty = await stored("GET", "/photos/empty?partNumber=1")
    assert (empty.status, empty.body) == (200, b"")


@pytest.mark.parametrize(
    ("url", "headers", "code"),
    [
        ("/photos/k?partNumber=2", {}, "InvalidPart"),
        ("/photos/p?partNumber=4", {}, "InvalidPart"),
        ("/photos/p?partNumber=0", {}, "InvalidArgument"),
        ("/photos/p?partNumber=10001", {}, "InvalidArgument"),
        ("/photos/p?partNumber=x", {}, "InvalidArgument"),
        ("/photos/p?partNumber=1", {"Range": "bytes=0-1"}, "InvalidRequest"),
    ],
)
async def test_a_part_that_there_is_not(in_parts: Any, url: str, headers: dict[str, str], code: str) -> None:
    found = await in_parts("GET", url, headers=headers)
    assert (found.status, found.code) == (400, code)
