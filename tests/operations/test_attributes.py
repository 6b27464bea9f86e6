"""GetObjectAttributes through dispatch."""

import base64
import zlib
from typing import Any

import pytest

BODY = b"0123456789"
ETAG = "781e5e245d69b566979b86e28d23f2c7"
CRC32 = base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode()


@pytest.fixture
async def stored(bucket: Any) -> Any:
    """A client of a bucket with the object `k`."""
    await bucket("PUT", "/photos/k", BODY, {"x-amz-checksum-crc32": CRC32, "x-amz-storage-class": "STANDARD_IA"})
    return bucket


async def attributes(client: Any, wanted: str, url: str = "/photos/k?attributes", **headers: str) -> Any:
    return await client("GET", url, headers={"x-amz-object-attributes": wanted, **headers})


async def test_everything_that_is_asked_for_is_told(stored: Any) -> None:
    found = await attributes(stored, "ETag,Checksum,ObjectParts,StorageClass,ObjectSize")
    assert found.status == 200
    told = {name: value for name, value in found.xml.items() if not name.startswith("@")}
    assert told == {
        "ETag": ETAG,
        "Checksum": {"ChecksumCRC32": CRC32, "ChecksumType": "FULL_OBJECT"},
        "StorageClass": "STANDARD_IA",
        "ObjectSize": "10",
    }
    assert found.headers["last-modified"].endswith(" GMT")


@pytest.mark.parametrize("wanted", ["ETag", "Checksum", "StorageClass", "ObjectSize", " ETag , ObjectSize "])
async def test_nothing_else_is_told(stored: Any, wanted: str) -> None:
    found = await attributes(stored, wanted)
    told = {name for name in found.xml if not name.startswith("@")}
    assert told == {name.strip() for name in wanted.split(",")}


async def test_an_object_of_one_put_has_no_parts(stored: Any) -> None:
    found = await attributes(stored, "ObjectParts", **{"x-amz-max-parts": "1", "x-amz-part-number-marker": "0"})
    assert (found.status, "ObjectParts" in found.xml) == (200, False)


@pytest.mark.parametrize("wanted", ["", "Size", "ETag,Size", ",", "etag"])
async def test_an_attribute_that_nobody_knows_is_refused(stored: Any, wanted: str) -> None:
    found = await attributes(stored, wanted)
    assert (found.status, found.code) == (400, "InvalidArgument")


async def test_what_is_asked_for_has_to_be_said(stored: Any) -> None:
    assert (await stored("GET", "/photos/k?attributes")).code == "InvalidRequest"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("/photos/none?attributes", "NoSuchKey"),
        ("/none/k?attributes", "NoSuchBucket"),
        ("/photos/k?attributes&versionId=1", "InvalidArgument"),
    ],
)
async def test_what_is_not_there_has_no_attributes(stored: Any, url: str, code: str) -> None:
    assert (await attributes(stored, "ETag", url)).code == code


async def keep_versions(client: Any) -> None:
    document = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    assert (await client("PUT", "/photos?versioning", document)).status == 200


async def test_a_version_names_itself(stored: Any) -> None:
    await keep_versions(stored)
    first = (await stored("PUT", "/photos/v", b"1")).headers["x-amz-version-id"]
    await stored("PUT", "/photos/v", b"22")
    found = await attributes(stored, "ObjectSize", f"/photos/v?attributes&versionId={first}")
    assert (found.xml["ObjectSize"], found.headers["x-amz-version-id"]) == ("1", first)
    await stored("DELETE", "/photos/v")
    assert (await attributes(stored, "ETag", "/photos/v?attributes")).code == "NoSuchKey"


@pytest.fixture
async def in_parts(stored: Any, put_in_parts: Any) -> Any:
    """A client of a bucket with the object `p` of five parts of one to five bytes."""
    await put_in_parts(stored, *[b"x" * size for size in range(1, 6)])
    return stored


async def test_the_parts_of_an_object_are_told_with_their_checksums(in_parts: Any) -> None:
    found = (await attributes(in_parts, "ObjectParts,Checksum", "/photos/p?attributes")).xml
    told = found["ObjectParts"]
    assert [(part["PartNumber"], part["Size"]) for part in told["Part"]] == [(str(n), str(n)) for n in range(1, 6)]
    assert all(len(part["ChecksumSHA256"]) == 44 for part in told["Part"])
    assert (told["PartsCount"], told["IsTruncated"]) == ("5", "false")
    assert found["Checksum"]["ChecksumType"] == "COMPOSITE"


@pytest.mark.parametrize(
    ("most", "marker", "numbers", "last", "is_truncated"),
    [
        ("2", "0", ["1", "2"], "2", "true"),
        ("2", "3", ["4", "5"], "5", "false"),
        ("1", "3", ["4"], "4", "true"),
        ("10", "4", ["5"], "5", "false"),
        ("10", "9", [], "9", "false"),
        ("0", "0", [], "0", "true"),
    ],
)
async def test_parts_are_told_in_pages(
    in_parts: Any, most: str, marker: str, numbers: list[str], last: str, is_truncated: str
) -> None:
    headers = {"x-amz-max-parts": most, "x-amz-part-number-marker": marker}
    told = (await attributes(in_parts, "ObjectParts", "/photos/p?attributes", **headers)).xml["ObjectParts"]
    parts = told.get("Part", [])
    found = [part["PartNumber"] for part in (parts if isinstance(parts, list) else [parts])]
    assert (found, told["NextPartNumberMarker"], told["IsTruncated"]) == (numbers, last, is_truncated)
    assert (told["MaxParts"], told["PartNumberMarker"]) == (most, marker)
