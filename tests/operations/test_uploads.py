"""CreateMultipartUpload and AbortMultipartUpload through dispatch."""

from typing import Any

import pytest

from mys3d.registry import queries


async def begin(client: Any, key: str = "k", **headers: str) -> str:
    begun = await client("POST", f"/photos/{key}?uploads", headers={n.replace("_", "-"): v for n, v in headers.items()})
    assert begun.status == 200, begun.body
    return str(begun.xml["UploadId"])


async def test_an_upload_is_begun_under_an_id_of_its_own(bucket: Any) -> None:
    begun = await bucket("POST", "/photos/a%20b?uploads")
    assert (begun.xml["Bucket"], begun.xml["Key"]) == ("photos", "a b")
    assert begun.headers["content-type"] == "application/xml"
    assert "x-amz-checksum-algorithm" not in begun.headers
    assert begun.xml["UploadId"] != (await bucket("POST", "/photos/a%20b?uploads")).xml["UploadId"]


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"x-amz-checksum-algorithm": "sha256"}, "COMPOSITE"),
        ({"x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "FULL_OBJECT"}, "FULL_OBJECT"),
        ({"x-amz-checksum-algorithm": "CRC64NVME"}, "FULL_OBJECT"),
    ],
)
async def test_the_checksum_of_an_upload_is_told(bucket: Any, headers: dict[str, str], kind: str) -> None:
    begun = await bucket("POST", "/photos/k?uploads", headers=headers)
    assert begun.headers["x-amz-checksum-algorithm"] == headers["x-amz-checksum-algorithm"].upper()
    assert begun.headers["x-amz-checksum-type"] == kind


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/photos/k", {"x-amz-checksum-algorithm": "CRC99"}, "InvalidRequest"),
        ("/photos/k", {"x-amz-checksum-type": "COMPOSITE"}, "InvalidRequest"),
        ("/photos/k", {"x-amz-checksum-algorithm": "SHA1", "x-amz-checksum-type": "FULL_OBJECT"}, "InvalidRequest"),
        ("/photos/k", {"x-amz-storage-class": "GLACIER"}, "InvalidStorageClass"),
        ("/photos/k", {"x-amz-meta-a": "v" * 3000}, "MetadataTooLarge"),
        ("/nobody/k", {}, "NoSuchBucket"),
        (f"/photos/{'k' * 1025}", {}, "KeyTooLongError"),
    ],
)
async def test_an_upload_that_cannot_be_begun(bucket: Any, path: str, headers: dict[str, str], code: str) -> None:
    assert (await bucket("POST", f"{path}?uploads", headers=headers)).code == code


async def test_an_aborted_upload_is_gone(bucket: Any) -> None:
    upload = await begin(bucket)
    assert (await bucket("DELETE", f"/photos/k?uploadId={upload}")).status == 204
    assert (await bucket("DELETE", f"/photos/k?uploadId={upload}")).code == "NoSuchUpload"
    assert (await bucket("PUT", f"/photos/k?partNumber=1&uploadId={upload}", b"x")).code == "NoSuchUpload"


@pytest.mark.parametrize("path", ["/photos/other?uploadId={}", "/photos/k?uploadId=none", "/photos/k?uploadId={}0"])
async def test_an_upload_is_named_by_its_whole_id_and_its_key(bucket: Any, path: str) -> None:
    upload = await begin(bucket)
    assert (await bucket("DELETE", path.format(upload))).code == "NoSuchUpload"


async def test_an_id_with_another_token_is_no_upload(bucket: Any) -> None:
    upload = await begin(bucket)
    guessed = upload[:-1] + ("0" if upload[-1] != "0" else "1")
    for method, query in (("DELETE", ""), ("GET", ""), ("PUT", "partNumber=1&")):
        assert (await bucket(method, f"/photos/k?{query}uploadId={guessed}")).code == "NoSuchUpload"
    listed = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"
    assert (await bucket("POST", f"/photos/k?uploadId={guessed}", listed)).code == "NoSuchUpload"


async def test_a_bucket_goes_in_spite_of_an_upload(bucket: Any) -> None:
    await begin(bucket)
    assert (await bucket("DELETE", "/photos")).status == 204
    view = bucket.services.ports.registry.view()
    assert [key for _, key, _ in queries.uploads_orphaned(view)] == ["k"]
