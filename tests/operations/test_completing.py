"""CompleteMultipartUpload through dispatch."""

import base64
import hashlib
from typing import Any

import pytest

from mys3d import limits
from mys3d.engine.hashing import hash_of
from mys3d.s3.checksums import ALGORITHMS, Algorithm

ONE, TWO = b"first part", b"the last"
CRC32 = {"x-amz-checksum-algorithm": "CRC32"}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "part_bytes_min", 9)


async def begin(client: Any, headers: dict[str, str] | None = None) -> str:
    begun = await client("POST", "/photos/k?uploads", headers=headers)
    return f"/photos/k?uploadId={begun.xml['UploadId']}"


def listed(*parts: tuple[int, str], extra: str = "") -> bytes:
    rows = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag>{extra}</Part>" for n, etag in parts)
    xmlns = "http://s3.amazonaws.com/doc/2006-03-01/"
    return f'<CompleteMultipartUpload xmlns="{xmlns}">{rows}</CompleteMultipartUpload>'.encode()


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def etag_of(*parts: bytes) -> str:
    return f'"{md5(b"".join(hashlib.md5(part).digest() for part in parts))}-{len(parts)}"'


async def uploaded(client: Any, headers: dict[str, str] | None = None) -> str:
    upload = await begin(client, headers)
    for number, data in ((1, ONE), (2, TWO)):
        assert (await client("PUT", f"{upload}&partNumber={number}", data)).status == 200
    return upload


BOTH = listed((1, md5(ONE)), (2, f'"{md5(TWO)}"'))


async def test_parts_become_an_object(bucket: Any) -> None:
    upload = await uploaded(bucket, {"x-amz-meta-a": "b", "Content-Type": "text/x"})
    assert (await bucket("GET", "/photos/k")).code == "NoSuchKey"
    done = await bucket("POST", upload, BOTH)
    assert done.status == 200
    assert {name: done.xml[name] for name in ("Location", "Bucket", "Key", "ETag")} == {
        "Location": "http://localhost:9000/photos/k",
        "Bucket": "photos",
        "Key": "k",
        "ETag": etag_of(ONE, TWO),
    }
    found = await bucket("GET", "/photos/k")
    assert (found.body, found.headers["etag"]) == (ONE + TWO, etag_of(ONE, TWO))
    assert (found.headers["x-amz-meta-a"], found.headers["content-type"]) == ("b", "text/x")
    ranged = await bucket("GET", "/photos/k", headers={"Range": "bytes=8-12"})
    assert (ranged.status, ranged.body) == (206, (ONE + TWO)[8:13])
    assert (await bucket("GET", upload)).code == "NoSuchUpload"


async def test_parts_that_are_not_listed_do_not_count(bucket: Any) -> None:
    upload = await uploaded(bucket)
    await bucket("PUT", f"{upload}&partNumber=9", b"never mind")
    assert (await bucket("POST", upload, listed((2, md5(TWO))))).status == 200
    assert (await bucket("GET", "/photos/k")).body == TWO


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (listed(), "MalformedXML"),
        (b"", "MalformedXML"),
        (b"<Complete", "MalformedXML"),
        (listed((1, md5(ONE)), extra="<Size>5</Size>"), "MalformedXML"),
        (b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>", "MalformedXML"),
        (listed((2, md5(TWO)), (1, md5(ONE))), "InvalidPartOrder"),
        (listed((1, md5(ONE)), (1, md5(ONE))), "InvalidPartOrder"),
        (listed((1, md5(ONE)), (3, md5(TWO))), "InvalidPart"),
        (listed((1, md5(TWO))), "InvalidPart"),
        (listed((1, "x")), "InvalidPart"),
        (listed((1, md5(ONE)), extra="<ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME>"), "InvalidPart"),
        (listed((1, md5(ONE)), extra="<ChecksumSHA1>AAAAAAAAAAAAAAAAAAAAAAAAAAA=</ChecksumSHA1>"), "InvalidPart"),
    ],
)
async def test_a_list_that_is_refused_leaves_the_upload_open(bucket: Any, body: bytes, code: str) -> None:
    upload = await uploaded(bucket)
    assert (await bucket("POST", upload, body)).code == code
    assert (await bucket("POST", upload, BOTH)).status == 200


async def test_only_the_last_part_may_be_small(bucket: Any) -> None:
    upload = await begin(bucket)
    for number, data in ((1, TWO), (2, ONE)):
        await bucket("PUT", f"{upload}&partNumber={number}", data)
    refused = await bucket("POST", upload, listed((1, md5(TWO)), (2, md5(ONE))))
    assert (refused.code, refused.xml["PartNumber"], refused.xml["ProposedSize"]) == ("EntityTooSmall", "1", "8")


async def test_an_object_is_at_most_as_large_as_one_may_be(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = await uploaded(bucket)
    monkeypatch.setattr(limits, "object_bytes_max", 17)
    assert (await bucket("POST", upload, BOTH)).code == "EntityTooLarge"


async def test_the_size_of_the_object_may_be_asked_for(bucket: Any) -> None:
    upload = await uploaded(bucket)
    assert (await bucket("POST", upload, BOTH, {"x-amz-mp-object-size": "17"})).code == "InvalidRequest"
    assert (await bucket("POST", upload, BOTH, {"x-amz-mp-object-size": "18"})).status == 200


async def test_a_condition_is_decided_when_the_object_becomes_visible(bucket: Any) -> None:
    await bucket("PUT", "/photos/k", b"there")
    upload = await uploaded(bucket)
    refused = await bucket("POST", upload, BOTH, {"If-None-Match": "*"})
    assert (refused.status, refused.code, refused.xml["Condition"]) == (412, "PreconditionFailed", "If-None-Match")
    assert (await bucket("POST", upload, BOTH, {"If-Match": '"x"'})).code == "PreconditionFailed"
    present = {"If-None-Match": f'"{md5(b"there")}"'}
    assert (await bucket("POST", upload, BOTH, present)).code == "PreconditionFailed"
    assert (await bucket("POST", upload, BOTH, {"If-Match": f'"{md5(b"there")}"'})).status == 200


async def test_the_same_complete_again_has_the_same_answer(bucket: Any) -> None:
    upload = await uploaded(bucket, CRC32)
    once = {"If-None-Match": "*"}
    first = await bucket("POST", upload, BOTH, once)
    assert first.status == 200
    again = await bucket("POST", upload, BOTH, once)
    assert (again.status, again.body) == (200, first.body)
    assert (await bucket("DELETE", "/photos/k")).status == 204
    assert (await bucket("POST", upload, BOTH, once)).body == first.body
    assert (await bucket("GET", "/photos/k")).code == "NoSuchKey"
    for other in (listed((1, md5(ONE))), listed((1, "zz"))):
        assert (await bucket("POST", upload, other)).code == "NoSuchUpload"
    assert (await bucket("DELETE", upload)).code == "NoSuchUpload"


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=lambda algorithm: algorithm.name)
@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT"])
async def test_the_checksum_of_an_object_in_parts(bucket: Any, algorithm: Algorithm, kind: str) -> None:
    if kind not in algorithm.kinds:
        return
    upload = await uploaded(bucket, {"x-amz-checksum-algorithm": algorithm.name, "x-amz-checksum-type": kind})
    values = [hash_of(algorithm.hash, data) for data in (ONE, TWO)]
    whole = hash_of(algorithm.hash, ONE + TWO if kind == "FULL_OBJECT" else b"".join(values))
    text = base64.b64encode(whole).decode() + ("-2" if kind == "COMPOSITE" else "")
    parts = [
        f"<Part><PartNumber>{n}</PartNumber><ETag>{md5(data)}</ETag>"
        f"<{algorithm.element}>{base64.b64encode(value).decode()}</{algorithm.element}></Part>"
        for n, data, value in ((1, ONE, values[0]), (2, TWO, values[1]))
    ]
    body = f"<CompleteMultipartUpload>{''.join(parts)}</CompleteMultipartUpload>".encode()
    wrong = base64.b64encode(bytes(algorithm.size)).decode()
    assert (await bucket("POST", upload, body, {algorithm.header: wrong})).code == "BadDigest"
    other = "COMPOSITE" if kind == "FULL_OBJECT" else "FULL_OBJECT"
    assert (await bucket("POST", upload, body, {"x-amz-checksum-type": other})).code == "BadDigest"
    done = await bucket("POST", upload, body, {algorithm.header: text, "x-amz-checksum-type": kind})
    assert (done.status, done.xml[algorithm.element], done.xml["ChecksumType"]) == (200, text, kind)
    found = await bucket("HEAD", "/photos/k", headers={"x-amz-checksum-mode": "ENABLED"})
    assert (found.headers[algorithm.header], found.headers["x-amz-checksum-type"]) == (text, kind)


async def test_an_upload_that_asked_for_no_checksum_has_the_default_one(bucket: Any) -> None:
    upload = await uploaded(bucket)
    done = await bucket("POST", upload, BOTH)
    assert done.xml["ChecksumCRC64NVME"] == base64.b64encode(hash_of("crc64nvme", ONE + TWO)).decode()
    assert done.xml["ChecksumType"] == "FULL_OBJECT"


async def test_a_composite_checksum_of_other_parts_is_refused(bucket: Any) -> None:
    upload = await uploaded(bucket, CRC32)
    value = hash_of("crc32", hash_of("crc32", ONE) + hash_of("crc32", TWO))
    text = base64.b64encode(value).decode()
    assert (await bucket("POST", upload, BOTH, {"x-amz-checksum-crc32": f"{text}-3"})).code == "BadDigest"
    assert (await bucket("POST", upload, BOTH, {"x-amz-checksum-crc32": "bad"})).code == "BadDigest"
    assert (await bucket("POST", upload, BOTH, {"x-amz-checksum-sha1": f"{text}-2"})).code == "BadDigest"
    two = {"x-amz-checksum-crc32": text, "x-amz-checksum-sha1": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}
    assert (await bucket("POST", upload, BOTH, two)).code == "InvalidRequest"
    assert (await bucket("POST", upload, BOTH, {"x-amz-checksum-crc32": text})).status == 200


async def test_the_version_that_is_made_is_told_where_versions_are_kept(bucket: Any) -> None:
    assert "x-amz-version-id" not in (await bucket("POST", await uploaded(bucket), BOTH)).headers
    body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    assert (await bucket("PUT", "/photos?versioning", body)).status == 200
    upload = await uploaded(bucket)
    done = await bucket("POST", upload, BOTH)
    version = done.headers["x-amz-version-id"]
    assert (await bucket("GET", f"/photos/k?versionId={version}")).body == ONE + TWO
    assert (await bucket("POST", upload, BOTH)).headers["x-amz-version-id"] == version
