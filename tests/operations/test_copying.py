"""CopyObject through dispatch."""

import base64
import hashlib
from typing import Any

import pytest

from mys3d import limits
from mys3d.model.names import BucketName, ObjectKey
from mys3d.registry import queries

BODY = b"0123456789"
ETAG = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
SAID = {
    "Content-Type": "text/css",
    "Cache-Control": "no-store",
    "x-amz-meta-m": "1",
    "x-amz-storage-class": "STANDARD_IA",
    "x-amz-website-redirect-location": "/x",
    "x-amz-tagging": "a=1",
}
PAST = "Wed, 21 Oct 2009 07:28:00 GMT"
FUTURE = "Wed, 21 Oct 2099 07:28:00 GMT"


@pytest.fixture
async def stored(bucket: Any) -> Any:
    """A client of a bucket with the object `k`."""
    assert (await bucket("PUT", "/photos/k", BODY, SAID)).status == 200
    return bucket


async def copy(client: Any, url: str = "/photos/c", source: str = "/photos/k", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client("PUT", url, b"", {"x-amz-copy-source": source, **named})


async def test_a_copy_is_the_object_under_another_name(stored: Any) -> None:
    made = await copy(stored)
    assert made.status == 200
    assert made.headers["content-type"] == "application/xml"
    assert made.xml["ETag"] == f'"{ETAG}"'
    assert made.xml["LastModified"].endswith("Z")
    assert (len(made.xml["ChecksumCRC64NVME"]), made.xml["ChecksumType"]) == (12, "FULL_OBJECT")
    found = await stored("GET", "/photos/c")
    assert (found.body, found.headers["etag"]) == (BODY, f'"{ETAG}"')
    assert found.headers["content-type"] == "text/css"
    assert found.headers["cache-control"] == "no-store"
    assert found.headers["x-amz-meta-m"] == "1"
    assert found.headers["x-amz-tagging-count"] == "1"
    assert "x-amz-storage-class" not in found.headers, "a storage class is never copied"
    assert "x-amz-website-redirect-location" not in found.headers, "nor is a redirection"


async def test_a_copy_outlives_its_source(stored: Any) -> None:
    await copy(stored)
    await stored("DELETE", "/photos/k")
    assert (await stored("GET", "/photos/c")).body == BODY


@pytest.mark.parametrize("source", ["photos/k", "%2Fphotos%2Fk", "/photos/k?versionId=null"])
async def test_a_source_is_named_in_several_ways(stored: Any, source: str) -> None:
    assert (await copy(stored, source=source)).status == 200


async def test_a_copy_goes_to_another_bucket(stored: Any) -> None:
    await stored("PUT", "/other")
    assert (await copy(stored, "/other/k")).status == 200
    assert (await stored("GET", "/other/k")).body == BODY


async def test_a_copy_may_say_other_things(stored: Any) -> None:
    await copy(stored, x_amz_metadata_directive="REPLACE", Content_Type="a/b", x_amz_meta_n="2", x_amz_tagging="z=9")
    found = await stored("HEAD", "/photos/c")
    assert (found.headers["content-type"], found.headers["x-amz-meta-n"]) == ("a/b", "2")
    assert "x-amz-meta-m" not in found.headers
    assert "cache-control" not in found.headers
    assert (await stored("GET", "/photos/c?tagging")).xml["TagSet"]["Tag"] == {"Key": "a", "Value": "1"}


async def test_what_is_copied_is_not_said_again(stored: Any) -> None:
    await copy(stored, Content_Type="a/b", x_amz_meta_n="2", x_amz_storage_class="ONEZONE_IA")
    found = await stored("HEAD", "/photos/c")
    assert (found.headers["content-type"], found.headers["x-amz-storage-class"]) == ("text/css", "ONEZONE_IA")
    assert "x-amz-meta-n" not in found.headers


async def test_tags_are_replaced_alone(stored: Any) -> None:
    await copy(stored, x_amz_tagging_directive="REPLACE", x_amz_tagging="z=9&y=8")
    found = await stored("HEAD", "/photos/c")
    assert (found.headers["content-type"], found.headers["x-amz-tagging-count"]) == ("text/css", "2")


@pytest.mark.parametrize("header", ["x-amz-metadata-directive", "x-amz-tagging-directive"])
async def test_a_directive_is_one_of_two_words(stored: Any, header: str) -> None:
    found = await stored("PUT", "/photos/c", b"", {"x-amz-copy-source": "/photos/k", header: "copy"})
    assert (found.status, found.code, found.xml["ArgumentName"]) == (400, "InvalidArgument", header)


async def test_a_copy_to_itself_has_to_change_something(stored: Any) -> None:
    found = await copy(stored, "/photos/k")
    assert (found.status, found.code) == (400, "InvalidRequest")
    assert (await copy(stored, "/photos/k", x_amz_tagging_directive="REPLACE")).code == "InvalidRequest"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-storage-class", "STANDARD"),
        ("x-amz-website-redirect-location", "/y"),
        ("x-amz-checksum-algorithm", "SHA1"),
    ],
)
async def test_a_copy_to_itself_that_changes_something_is_made(stored: Any, header: str, value: str) -> None:
    found = await stored("PUT", "/photos/k", b"", {"x-amz-copy-source": "/photos/k", header: value})
    assert found.status == 200
    assert (await stored("GET", "/photos/k")).body == BODY


@pytest.mark.parametrize(
    ("header", "good", "bad"),
    [
        ("x-amz-copy-source-if-match", f'"{ETAG}"', '"other"'),
        ("x-amz-copy-source-if-none-match", '"other"', f'"{ETAG}"'),
        ("x-amz-copy-source-if-modified-since", PAST, FUTURE),
        ("x-amz-copy-source-if-unmodified-since", FUTURE, PAST),
    ],
)
async def test_a_condition_on_the_source_is_met_or_named(stored: Any, header: str, good: str, bad: str) -> None:
    refused = await stored("PUT", "/photos/c", b"", {"x-amz-copy-source": "/photos/k", header: bad})
    assert (refused.status, refused.code) == (412, "PreconditionFailed")
    assert refused.xml["Condition"].lower() == header
    assert (await stored("GET", "/photos/c")).status == 404
    assert (await stored("PUT", "/photos/c", b"", {"x-amz-copy-source": "/photos/k", header: good})).status == 200


async def test_a_condition_on_the_target_is_met_or_refused(stored: Any) -> None:
    assert (await copy(stored, If_Match="x")).code == "NoSuchKey"
    assert (await copy(stored, If_None_Match="*")).status == 200
    assert (await copy(stored, If_None_Match="*")).code == "PreconditionFailed"
    assert (await copy(stored, If_Match=ETAG)).status == 200
    assert (await copy(stored, If_Match="other")).code == "PreconditionFailed"


async def test_another_checksum_is_computed_of_the_bytes(stored: Any) -> None:
    made = await copy(stored, x_amz_checksum_algorithm="SHA256")
    wanted = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    assert (made.xml["ChecksumSHA256"], made.xml["ChecksumType"]) == (wanted, "FULL_OBJECT")
    assert "ChecksumCRC64NVME" not in made.xml
    found = await stored("HEAD", "/photos/c", headers={"x-amz-checksum-mode": "ENABLED"})
    assert found.headers["x-amz-checksum-sha256"] == wanted
    again = await copy(stored, "/photos/d", x_amz_checksum_algorithm="CRC64NVME")
    assert len(again.xml["ChecksumCRC64NVME"]) == 12


@pytest.mark.parametrize(
    ("url", "source", "status", "code"),
    [
        ("/photos/c", "/photos/none", 404, "NoSuchKey"),
        ("/photos/c", "/none/k", 404, "NoSuchBucket"),
        ("/none/c", "/photos/k", 404, "NoSuchBucket"),
        ("/photos/c", "/photos", 400, "InvalidArgument"),
        ("/photos/c", "/photos/k?versionId=1", 400, "InvalidArgument"),
        ("/photos/c", "/photos/" + "k" * 1025, 400, "KeyTooLongError"),
    ],
)
async def test_what_is_not_there_is_not_copied(stored: Any, url: str, source: str, status: int, code: str) -> None:
    found = await copy(stored, url, source)
    assert (found.status, found.code) == (status, code)


async def test_more_than_five_gibibytes_are_not_copied_at_once(stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "put_bytes_max", len(BODY) - 1)
    assert (await copy(stored)).code == "InvalidRequest"


async def test_a_copy_stores_no_byte_again(stored: Any) -> None:
    await copy(stored)
    view = stored.services.ports.registry.view()
    bucket = queries.bucket(view, BucketName("photos"))
    assert bucket is not None
    first, second = (queries.live(view, bucket.id, ObjectKey(key)) for key in ("k", "c"))
    assert first is not None
    assert second is not None
    assert first.body == second.body


async def keep_versions(client: Any) -> None:
    document = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    assert (await client("PUT", "/photos?versioning", document)).status == 200


async def test_any_version_may_be_copied_and_names_itself(stored: Any) -> None:
    await keep_versions(stored)
    first = (await stored("PUT", "/photos/v", b"first")).headers["x-amz-version-id"]
    await stored("PUT", "/photos/v", b"second")
    made = await copy(stored, source=f"/photos/v?versionId={first}")
    assert made.headers["x-amz-copy-source-version-id"] == first
    found = await stored("GET", "/photos/c")
    assert (found.body, found.headers["x-amz-version-id"]) == (b"first", made.headers["x-amz-version-id"])
    null = await copy(stored, "/photos/d", "/photos/k?versionId=null")
    assert null.headers["x-amz-copy-source-version-id"] == "null"
    restored = await copy(stored, "/photos/v", f"/photos/v?versionId={first}")
    assert restored.status == 200
    assert (await stored("GET", "/photos/v")).body == b"first"


async def test_a_marker_is_no_source(stored: Any) -> None:
    await keep_versions(stored)
    marker = (await stored("DELETE", "/photos/k")).headers["x-amz-version-id"]
    assert (await copy(stored)).code == "NoSuchKey"
    assert (await copy(stored, source=f"/photos/k?versionId={marker}")).code == "InvalidRequest"
    await stored("DELETE", f"/photos/k?versionId={marker}")
    assert (await copy(stored, source=f"/photos/k?versionId={marker}")).code == "NoSuchVersion"


async def test_a_copy_of_an_object_in_parts_is_read_alike(stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "part_bytes_min", 1)
    upload = (await stored("POST", "/photos/p?uploads")).xml["UploadId"]
    for number, part in enumerate((b"abc", b"de"), 1):
        await stored("PUT", f"/photos/p?uploadId={upload}&partNumber={number}", part)
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{hashlib.md5(part).hexdigest()}</ETag></Part>"
        for number, part in enumerate((b"abc", b"de"), 1)
    )
    document = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    assert (await stored("POST", f"/photos/p?uploadId={upload}", document)).status == 200
    made = await copy(stored, source="/photos/p")
    assert made.xml["ETag"].endswith('-2"')
    await stored("DELETE", "/photos/p")
    assert (await stored("GET", "/photos/c")).body == b"abcde"
    assert (await copy(stored, "/photos/d", "/photos/c", x_amz_checksum_algorithm="SHA1")).status == 200
