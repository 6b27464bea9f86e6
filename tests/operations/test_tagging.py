"""Tags of buckets and objects through dispatch."""

from typing import Any

import pytest

from mys3d import limits

TWO = "<Tag><Key>b</Key><Value>2</Value></Tag><Tag><Key>a</Key><Value>1</Value></Tag>"
SORTED = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]


def tagging(inside: str = TWO) -> bytes:
    return f"<Tagging><TagSet>{inside}</TagSet></Tagging>".encode()


def many(count: int) -> bytes:
    return tagging("".join([f"<Tag><Key>{number}</Key><Value/></Tag>" for number in range(count)]))


@pytest.fixture
async def stored(bucket: Any) -> Any:
    """A client of a bucket with the object `k`."""
    await bucket("PUT", "/photos/k", b"data")
    return bucket


@pytest.mark.parametrize("url", ["/photos?tagging", "/photos/k?tagging", "/photos/k?tagging&versionId=null"])
async def test_tags_are_kept_told_and_removed(stored: Any, url: str) -> None:
    assert (await stored("PUT", url, tagging())).status in (200, 204)
    found = await stored("GET", url)
    assert (found.status, found.xml["TagSet"]["Tag"]) == (200, SORTED)
    assert (await stored("DELETE", url)).status == 204
    gone = await stored("GET", url)
    if "k" in url.split("?")[0].split("/"):
        assert (gone.status, gone.xml["TagSet"]) == (200, None)
    else:
        assert (gone.status, gone.code) == (404, "NoSuchTagSet")


async def test_tags_leave_an_object_as_it_was(stored: Any) -> None:
    before = await stored("HEAD", "/photos/k")
    await stored("PUT", "/photos/k?tagging", tagging())
    after = await stored("HEAD", "/photos/k")
    assert after.headers.pop("x-amz-tagging-count") == "2"
    for headers in (before.headers, after.headers):
        headers.pop("x-amz-request-id")
    assert after.headers == before.headers


async def test_an_object_may_be_stored_with_its_tags(bucket: Any) -> None:
    assert (await bucket("PUT", "/photos/k", b"data", {"x-amz-tagging": "b=2&a=1"})).status == 200
    assert (await bucket("GET", "/photos/k?tagging")).xml["TagSet"]["Tag"] == SORTED
    assert (await bucket("GET", "/photos/k")).headers["x-amz-tagging-count"] == "2"
    await bucket("PUT", "/photos/k", b"data")
    assert (await bucket("GET", "/photos/k?tagging")).xml["TagSet"] is None


async def test_a_bucket_may_be_created_with_its_tags(client: Any) -> None:
    document = f"<CreateBucketConfiguration><Tags>{TWO}</Tags></CreateBucketConfiguration>".encode()
    assert (await client("PUT", "/photos", document)).status == 200
    assert (await client("GET", "/photos?tagging")).xml["TagSet"]["Tag"] == SORTED


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", "MissingRequestBodyError"),
        (b"<Tagging/>", "MalformedXML"),
        (b"<Other/>", "MalformedXML"),
        (tagging("<Tag><Key>a</Key></Tag>"), "MalformedXML"),
        (tagging("<Tag><Key>a</Key><Value/><More/></Tag>"), "MalformedXML"),
        (tagging(TWO + TWO), "InvalidTag"),
        (tagging(f"<Tag><Key>{'k' * 129}</Key><Value/></Tag>"), "InvalidTag"),
        (tagging(f"<Tag><Key>k</Key><Value>{'v' * 257}</Value></Tag>"), "InvalidTag"),
        (many(51), "InvalidTag"),
    ],
)
@pytest.mark.parametrize("url", ["/photos?tagging", "/photos/k?tagging"])
async def test_what_is_no_set_of_tags_is_refused(stored: Any, url: str, document: bytes, code: str) -> None:
    found = await stored("PUT", url, document)
    assert (found.status, found.code) == (400, code)


async def test_an_object_has_fewer_tags_than_a_bucket(stored: Any) -> None:
    document = many(limits.object_tags_max + 1)
    assert (await stored("PUT", "/photos/k?tagging", document)).code == "InvalidTag"
    assert (await stored("PUT", "/photos?tagging", document)).status == 204


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("/none?tagging", "NoSuchBucket"),
        ("/none/k?tagging", "NoSuchBucket"),
        ("/photos/none?tagging", "NoSuchKey"),
        ("/photos/k?tagging&versionId=1", "InvalidArgument"),
    ],
)
async def test_what_is_not_there_has_no_tags(stored: Any, method: str, url: str, code: str) -> None:
    assert (await stored(method, url, tagging() if method == "PUT" else b"")).code == code


async def keep_versions(client: Any) -> None:
    document = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    assert (await client("PUT", "/photos?versioning", document)).status == 200


async def test_each_version_has_tags_of_its_own(stored: Any) -> None:
    await keep_versions(stored)
    first = (await stored("PUT", "/photos/v", b"1", {"x-amz-tagging": "n=1"})).headers["x-amz-version-id"]
    second = (await stored("PUT", "/photos/v", b"2")).headers["x-amz-version-id"]
    told = await stored("PUT", f"/photos/v?tagging&versionId={first}", tagging())
    assert (told.status, told.headers["x-amz-version-id"]) == (200, first)
    found = await stored("GET", f"/photos/v?tagging&versionId={first}")
    assert (found.xml["TagSet"]["Tag"], found.headers["x-amz-version-id"]) == (SORTED, first)
    newest = await stored("GET", "/photos/v?tagging")
    assert (newest.xml["TagSet"], newest.headers["x-amz-version-id"]) == (None, second)
    gone = await stored("DELETE", f"/photos/v?tagging&versionId={first}")
    assert (gone.status, gone.headers["x-amz-version-id"]) == (204, first)
    assert (await stored("GET", f"/photos/v?tagging&versionId={first}")).xml["TagSet"] is None


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
async def test_a_marker_has_no_tags(stored: Any, method: str) -> None:
    await keep_versions(stored)
    marker = (await stored("DELETE", "/photos/k")).headers["x-amz-version-id"]
    body = tagging() if method == "PUT" else b""
    assert (await stored(method, "/photos/k?tagging", body)).code == "NoSuchKey"
    assert (await stored(method, f"/photos/k?tagging&versionId={marker}", body)).code == "MethodNotAllowed"
    await stored("DELETE", f"/photos/k?versionId={marker}")
    assert (await stored(method, f"/photos/k?tagging&versionId={marker}", body)).code == "NoSuchVersion"
