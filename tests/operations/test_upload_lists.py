"""ListParts and ListMultipartUploads through dispatch."""

import base64
import zlib
from typing import Any

import pytest


async def begin(client: Any, key: str = "k", headers: dict[str, str] | None = None) -> str:
    return str((await client("POST", f"/photos/{key}?uploads", headers=headers)).xml["UploadId"])


def rows(tree: Any, name: str) -> list[Any]:
    found = tree.get(name, [])
    return found if isinstance(found, list) else [found]


async def test_parts_are_listed_page_by_page(bucket: Any) -> None:
    upload = await begin(bucket, headers={"x-amz-checksum-algorithm": "CRC32"})
    for number in (1, 5, 10_000):
        await bucket("PUT", f"/photos/k?uploadId={upload}&partNumber={number}", bytes(number % 7))
    page = (await bucket("GET", f"/photos/k?uploadId={upload}&max-parts=2")).xml
    assert [part["PartNumber"] for part in rows(page, "Part")] == ["1", "5"]
    assert (page["IsTruncated"], page["NextPartNumberMarker"], page["MaxParts"]) == ("true", "5", "2")
    assert (page["Bucket"], page["Key"], page["UploadId"]) == ("photos", "k", upload)
    assert (page["ChecksumAlgorithm"], page["ChecksumType"]) == ("CRC32", "COMPOSITE")
    assert page["Initiator"] == page["Owner"]
    last = (await bucket("GET", f"/photos/k?uploadId={upload}&part-number-marker=5")).xml
    (part,) = rows(last, "Part")
    assert (part["PartNumber"], part["Size"], last["IsTruncated"]) == ("10000", str(10_000 % 7), "false")
    assert part["ChecksumCRC32"] == base64.b64encode(zlib.crc32(bytes(10_000 % 7)).to_bytes(4, "big")).decode()
    assert last["StorageClass"] == "STANDARD"


async def test_an_upload_without_parts_is_an_empty_list(bucket: Any) -> None:
    page = (await bucket("GET", f"/photos/k?uploadId={await begin(bucket)}")).xml
    assert (page["IsTruncated"], page["NextPartNumberMarker"], rows(page, "Part")) == ("false", "0", [])
    assert "ChecksumAlgorithm" not in page


async def test_uploads_are_listed_with_all_that_they_say(bucket: Any) -> None:
    upload = await begin(bucket, "a%20b", {"x-amz-checksum-algorithm": "SHA1", "x-amz-storage-class": "STANDARD_IA"})
    page = (await bucket("GET", "/photos?uploads")).xml
    assert (page["Bucket"], page["MaxUploads"], page["IsTruncated"]) == ("photos", "1000", "false")
    (row,) = rows(page, "Upload")
    assert (row["Key"], row["UploadId"], row["StorageClass"]) == ("a b", upload, "STANDARD_IA")
    assert (row["Initiated"][-5:], row["ChecksumAlgorithm"], row["ChecksumType"]) == (".000Z", "SHA1", "COMPOSITE")
    assert row["Initiator"] == row["Owner"]
    assert len(row["Owner"]["ID"]) == 64


async def test_uploads_are_listed_page_by_page(bucket: Any) -> None:
    uploads = [await begin(bucket, key) for key in ("a", "a", "b/1", "b/2", "c")]
    page = (await bucket("GET", "/photos?uploads&max-uploads=1")).xml
    seen = [rows(page, "Upload")[0]["UploadId"]]
    while page["IsTruncated"] == "true":
        markers = (
            f"key-marker={page['NextKeyMarker'].replace('/', '%2F')}&upload-id-marker={page['NextUploadIdMarker']}"
        )
        page = (await bucket("GET", f"/photos?uploads&max-uploads=1&{markers}")).xml
        seen.append(rows(page, "Upload")[0]["UploadId"])
    assert seen == uploads
    assert rows((await bucket("GET", "/photos?uploads&key-marker=a")).xml, "Upload")[0]["Key"] == "b/1"


async def test_a_delimiter_rolls_uploads_up(bucket: Any) -> None:
    for key in ("a/1", "a/2", "b", "c/1"):
        await begin(bucket, key)
    page = (await bucket("GET", "/photos?uploads&delimiter=%2F&max-uploads=1")).xml
    assert (page["CommonPrefixes"]["Prefix"], page["NextKeyMarker"]) == ("a/", "a/")
    assert (page["NextUploadIdMarker"] or "", page["Delimiter"]) == ("", "/")
    rest = (await bucket("GET", "/photos?uploads&delimiter=%2F&key-marker=a%2F")).xml
    assert [row["Key"] for row in rows(rest, "Upload")] == ["b"]
    assert rest["CommonPrefixes"]["Prefix"] == "c/"
    inside = (await bucket("GET", "/photos?uploads&prefix=a%2F&delimiter=%2F")).xml
    assert [row["Key"] for row in rows(inside, "Upload")] == ["a/1", "a/2"]


async def test_names_are_encoded_on_request(bucket: Any) -> None:
    await begin(bucket, "a%20%2B%C3%A9/b")
    page = (await bucket("GET", "/photos?uploads&encoding-type=url&prefix=a%20")).xml
    assert (rows(page, "Upload")[0]["Key"], page["Prefix"]) == ("a%20%2B%C3%A9/b", "a%20")
    assert page["EncodingType"] == "url"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("encoding-type=html", "InvalidArgument"),
        ("max-uploads=-1", "InvalidArgument"),
        ("key-marker=a&upload-id-marker=x", "InvalidArgument"),
    ],
)
async def test_a_list_that_is_refused(bucket: Any, query: str, code: str) -> None:
    assert (await bucket("GET", f"/photos?uploads&{query}")).code == code


async def test_an_id_marker_without_a_key_marker_is_ignored(bucket: Any) -> None:
    await begin(bucket)
    assert len(rows((await bucket("GET", "/photos?uploads&upload-id-marker=x")).xml, "Upload")) == 1


async def test_lists_of_what_is_not_there(bucket: Any) -> None:
    assert (await bucket("GET", "/nobody?uploads")).code == "NoSuchBucket"
    assert (await bucket("GET", f"/photos/k?uploadId={'0' * 48}")).code == "NoSuchUpload"
