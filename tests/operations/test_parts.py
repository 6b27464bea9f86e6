"""UploadPart through dispatch."""

import base64
import hashlib
from typing import Any

import pytest

from mys3d import limits
from mys3d.engine.hashing import hash_of
from mys3d.operations.dispatch import dispatch
from mys3d.s3.checksums import ALGORITHMS, Algorithm
from tests.operations.conftest import Body

BODY = b"hello"


async def begin(client: Any, headers: dict[str, str] | None = None) -> str:
    begun = await client("POST", "/photos/k?uploads", headers=headers)
    return f"/photos/k?uploadId={begun.xml['UploadId']}"


async def test_a_part_is_answered_with_its_md5_and_the_default_checksum(bucket: Any) -> None:
    upload = await begin(bucket)
    put = await bucket("PUT", f"{upload}&partNumber=1", BODY)
    assert (put.status, put.headers["etag"]) == (200, f'"{hashlib.md5(BODY).hexdigest()}"')
    assert put.headers["x-amz-checksum-crc64nvme"] == "M3eFcAZSQlc="
    assert "x-amz-checksum-type" not in put.headers


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=lambda algorithm: algorithm.name)
async def test_a_part_has_the_checksum_of_its_upload(bucket: Any, algorithm: Algorithm) -> None:
    upload = await begin(bucket, {"x-amz-checksum-algorithm": algorithm.name})
    value = base64.b64encode(hash_of(algorithm.hash, BODY)).decode()
    told = await bucket("PUT", f"{upload}&partNumber=1", BODY, {algorithm.header: value})
    assert told.headers[algorithm.header] == value
    untold = await bucket("PUT", f"{upload}&partNumber=2", BODY)
    assert untold.headers[algorithm.header] == value
    wrong = base64.b64encode(bytes(algorithm.size)).decode()
    assert (await bucket("PUT", f"{upload}&partNumber=3", BODY, {algorithm.header: wrong})).code == "BadDigest"


async def test_a_part_with_the_checksum_of_another_algorithm_is_refused(bucket: Any) -> None:
    upload = await begin(bucket, {"x-amz-checksum-algorithm": "SHA1"})
    put = await bucket("PUT", f"{upload}&partNumber=1", BODY, {"x-amz-checksum-crc32": "NhCmhg=="})
    assert (put.code, "expected checksum Type: sha1" in put.message) == ("InvalidRequest", True)


@pytest.mark.parametrize(
    ("number", "headers", "code"),
    [
        ("0", {}, "InvalidArgument"),
        ("10001", {}, "InvalidArgument"),
        ("x", {}, "InvalidArgument"),
        ("1", {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, "BadDigest"),
        ("1", {"Content-Length": str(limits.put_bytes_max + 1)}, "EntityTooLarge"),
        ("1", {"Content-Length": "6"}, "IncompleteBody"),
    ],
)
async def test_a_part_that_is_refused(bucket: Any, number: str, headers: dict[str, str], code: str) -> None:
    upload = await begin(bucket)
    assert (await bucket("PUT", f"{upload}&partNumber={number}", BODY, headers)).code == code
    assert "Part" not in (await bucket("GET", upload)).xml


async def test_the_body_of_a_part_of_no_upload_is_not_asked_for(bucket: Any) -> None:
    body = Body(BODY)
    request = bucket.signed("PUT", f"/photos/k?partNumber=1&uploadId={'0' * 48}", BODY)
    assert (await dispatch(bucket.services, request, body)).status == 404
    assert not body.was_read


async def test_a_part_put_again_takes_the_place_of_the_first(bucket: Any) -> None:
    upload = await begin(bucket)
    await bucket("PUT", f"{upload}&partNumber=1", b"first")
    await bucket("PUT", f"{upload}&partNumber=1", b"second!")
    part = (await bucket("GET", upload)).xml["Part"]
    assert (part["Size"], part["ETag"]) == ("7", f'"{hashlib.md5(b"second!").hexdigest()}"')
