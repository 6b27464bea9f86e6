"""UploadPartCopy through dispatch."""

import base64
import hashlib
from typing import Any

import pytest

from mys3d import limits
from mys3d.engine.hashing import hash_of

DATA = bytes(range(100))


async def begin(client: Any, headers: dict[str, str] | None = None) -> str:
    begun = await client("POST", "/photos/k?uploads", headers=headers)
    return f"/photos/k?uploadId={begun.xml['UploadId']}"


@pytest.fixture
async def stored(bucket: Any) -> Any:
    """A client with the object `source` of 100 bytes."""
    assert (await bucket("PUT", "/photos/source", DATA)).status == 200
    return bucket


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


async def finished(client: Any, upload: str, *parts: tuple[int, str]) -> bytes:
    rows = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n, etag in parts)
    body = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
    assert (await client("POST", upload, body)).status == 200
    return bytes((await client("GET", "/photos/k")).body)


@pytest.mark.parametrize(
    ("range_", "expected"),
    [(None, DATA), ("bytes=0-99", DATA), ("bytes=10-19", DATA[10:20]), ("bytes=99-99", DATA[99:])],
)
async def test_a_part_is_copied(stored: Any, range_: str | None, expected: bytes) -> None:
    upload = await begin(stored)
    headers = {"x-amz-copy-source": "photos/source"} | ({"x-amz-copy-source-range": range_} if range_ else {})
    copied = await stored("PUT", f"{upload}&partNumber=1", headers=headers)
    assert (copied.status, copied.xml["ETag"]) == (200, f'"{md5(expected)}"')
    assert copied.xml["LastModified"].endswith(".000Z")
    assert copied.xml["ChecksumCRC64NVME"] == base64.b64encode(hash_of("crc64nvme", expected)).decode()
    assert await finished(stored, upload, (1, md5(expected))) == expected


async def test_a_copied_part_has_the_checksum_of_its_upload(stored: Any) -> None:
    upload = await begin(stored, {"x-amz-checksum-algorithm": "SHA256"})
    copied = await stored("PUT", f"{upload}&partNumber=1", headers={"x-amz-copy-source": "/photos/source"})
    assert copied.xml["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(DATA).digest()).decode()


async def test_a_part_is_copied_from_an_object_in_parts(stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "part_bytes_min", 1)
    first = await begin(stored)
    for number in (1, 2):
        await stored("PUT", f"{first}&partNumber={number}", headers={"x-amz-copy-source": "/photos/source"})
    whole = await finished(stored, first, (1, md5(DATA)), (2, md5(DATA)))
    assert whole == DATA + DATA
    second = await begin(stored)
    headers = {"x-amz-copy-source": "/photos/k", "x-amz-copy-source-range": "bytes=90-109"}
    copied = await stored("PUT", f"{second}&partNumber=1", headers=headers)
    assert copied.xml["ETag"] == f'"{md5(whole[90:110])}"'
    assert await finished(stored, second, (1, md5(whole[90:110]))) == whole[90:110]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-copy-source": "/photos/other"}, "NoSuchKey"),
        ({"x-amz-copy-source": "/nobody/source"}, "NoSuchBucket"),
        ({"x-amz-copy-source": "photos"}, "InvalidArgument"),
        ({"x-amz-copy-source": "/photos/source?versionId=xyz"}, "InvalidArgument"),
        ({"x-amz-copy-source-range": "bytes=0-100"}, "InvalidRange"),
        ({"x-amz-copy-source-range": "bytes=5-4"}, "InvalidArgument"),
        ({"x-amz-copy-source-range": "bytes=5-"}, "InvalidArgument"),
        ({"x-amz-copy-source-range": "0-5"}, "InvalidArgument"),
        ({"x-amz-copy-source-range": "bytes=0-1,3-4"}, "InvalidArgument"),
        ({"x-amz-copy-source-if-match": '"x"'}, "PreconditionFailed"),
        ({"x-amz-copy-source-if-none-match": f'"{md5(DATA)}"'}, "PreconditionFailed"),
        ({"x-amz-copy-source-if-unmodified-since": "Mon, 01 Jan 2001 00:00:00 GMT"}, "PreconditionFailed"),
    ],
)
async def test_a_part_that_cannot_be_copied(stored: Any, headers: dict[str, str], code: str) -> None:
    upload = await begin(stored)
    asked = {"x-amz-copy-source": "/photos/source", **headers}
    assert (await stored("PUT", f"{upload}&partNumber=1", headers=asked)).code == code
    assert "Part" not in (await stored("GET", upload)).xml


async def test_a_part_copies_at_most_what_a_part_may_have(stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "put_bytes_max", 99)
    upload = await begin(stored)
    asked = {"x-amz-copy-source": "/photos/source"}
    assert (await stored("PUT", f"{upload}&partNumber=1", headers=asked)).code == "InvalidRequest"
    some = {**asked, "x-amz-copy-source-range": "bytes=1-99"}
    assert (await stored("PUT", f"{upload}&partNumber=1", headers=some)).status == 200
    assert (await stored("PUT", f"{upload}&partNumber=0", headers=some)).code == "InvalidArgument"
    assert (await stored("PUT", f"/photos/k?uploadId={'0' * 48}&partNumber=1", headers=some)).code == "NoSuchUpload"
