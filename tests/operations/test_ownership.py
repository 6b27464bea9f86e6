"""Whose bucket it is: users among each other, root, and nobody."""

from dataclasses import replace
from typing import Any

import pytest

from mys3d.operations.dispatch import dispatch
from mys3d.s3.table import TABLE, Query, Row

assert dispatch, "importing it fills the table"
OF_BUCKETS = [row for row in TABLE.values() if "{Bucket}" in row.uri and row.name != "CreateBucket"]


QUERY = {"partNumber": "1", "uploadId": "0" * 48}
BODIES = {
    "DeleteObjects": b"<Delete><Object><Key>k</Key></Object></Delete>",
    "CompleteMultipartUpload": b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>"
    b"</CompleteMultipartUpload>",
}


def url_of(row: Row) -> str:
    asked = [field.place.name for field in row.fields if field.is_required and isinstance(field.place, Query)]
    query = "&".join([f"{name}={QUERY[name]}" for name in asked])
    url = row.uri.replace("{Bucket}", "photos").replace("{Key+}", "k")
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


@pytest.mark.parametrize("row", OF_BUCKETS, ids=lambda row: row.name)
async def test_an_operation_is_refused_in_the_bucket_of_somebody_else(ann: Any, row: Row) -> None:
    """Ann's bucket, and a request of Bob's as plain as it can be: every row of the table, those to come as well."""
    assert (await ann("PUT", "/photos")).status == 200
    assert (await ann("PUT", "/photos/k", b"mine")).status == 200
    body = BODIES.get(row.name, b"")
    headers = {"x-amz-copy-source": "/photos/other"} if row.name in ("CopyObject", "UploadPartCopy") else {}
    headers |= {"x-amz-rename-source": "other"} if row.name == "RenameObject" else {}
    headers |= {"x-amz-object-attributes": "ETag"} if row.name == "GetObjectAttributes" else {}
    found = await replace(ann, access_key="BOB")(row.method, url_of(row), body, headers)
    if row.payload is not None and not body:
        assert found.status in (400, 403)
    else:
        assert found.status == 403
    assert (await ann("GET", "/photos/k")).body == b"mine"


async def test_a_user_has_its_own_buckets(ann: Any, client: Any) -> None:
    bob = replace(ann, access_key="BOB")
    for name in ("a-1", "a-2", "a-3"):
        await ann("PUT", f"/{name}")
    await bob("PUT", "/b-1")
    await client("PUT", "/root-1")
    listed = (await ann("GET", "/")).xml
    assert [entry["Name"] for entry in listed["Buckets"]["Bucket"]] == ["a-1", "a-2", "a-3"]
    assert listed["Owner"] == {"ID": "a" * 64, "DisplayName": "ann"}
    first = (await ann("GET", "/?max-buckets=2")).xml
    rest = (await ann("GET", f"/?max-buckets=2&continuation-token={first['ContinuationToken']}")).xml
    assert rest["Buckets"]["Bucket"]["Name"] == "a-3"
    assert len((await client("GET", "/")).xml["Buckets"]["Bucket"]) == 5
    await ann("PUT", "/a-1/k", b"x")
    assert (await ann("GET", "/a-1")).xml["Contents"]["Owner"] == {"ID": "a" * 64, "DisplayName": "ann"}


async def test_the_name_of_anothers_bucket_is_taken(ann: Any) -> None:
    await ann("PUT", "/photos")
    found = await replace(ann, access_key="BOB")("PUT", "/photos")
    assert (found.status, found.code) == (409, "BucketAlreadyExists")


async def test_root_may_do_anything_with_anybodys_bucket(ann: Any, client: Any) -> None:
    await ann("PUT", "/photos")
    await ann("PUT", "/photos/k", b"x")
    assert (await client("GET", "/photos/k")).body == b"x"
    assert (await client("DELETE", "/photos/k")).status == 204
    assert (await client("DELETE", "/photos")).status == 204


async def test_a_bucket_that_is_not_there_is_missing_for_everybody(ann: Any) -> None:
    found = await ann("GET", "/none/k")
    assert (found.status, found.code) == (404, "NoSuchBucket")
