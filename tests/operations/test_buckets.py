"""Buckets through dispatch."""

from typing import Any

import pytest

from mys3d.errors import Rejected
from mys3d.model.names import AccessKey, UserId
from mys3d.operations.buckets import CreateBucket, create_bucket
from mys3d.operations.call import Call
from mys3d.operations.payload import Payload
from mys3d.policy.decide import Principal
from mys3d.s3 import errors, promises

CONFIGURATION = (
    '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{}</CreateBucketConfiguration>'
)


def configured(inside: str) -> bytes:
    return CONFIGURATION.format(inside).encode()


async def test_a_bucket_is_made_listed_looked_at_and_removed(client: Any) -> None:
    made = await client("PUT", "/photos")
    assert (made.status, made.headers["location"]) == (200, "/photos")
    listed = await client("GET", "/")
    assert listed.xml["Buckets"]["Bucket"]["Name"] == "photos"
    assert listed.xml["Buckets"]["Bucket"]["CreationDate"].endswith(".000Z")
    assert listed.xml["Owner"]["DisplayName"] == "root"
    looked = await client("HEAD", "/photos")
    assert (looked.status, looked.body) == (200, b"")
    assert looked.headers["x-amz-bucket-region"] == "us-east-1"
    assert (await client("DELETE", "/photos")).status == 204
    assert (await client("HEAD", "/photos")).status == 404
    assert (await client("GET", "/")).xml["Buckets"] is None


async def test_a_bucket_without_constraint_is_in_the_default_region(bucket: Any) -> None:
    found = await bucket("GET", "/photos?location")
    assert b"<LocationConstraint xmlns=" in found.body
    assert "#text" not in found.xml


async def test_the_whole_configuration_is_stored_and_returned(client: Any) -> None:
    body = configured(
        "<LocationConstraint>eu-west-3</LocationConstraint>"
        "<Location><Name>use1-az4</Name><Type>AvailabilityZone</Type></Location>"
        "<Bucket><DataRedundancy>SingleAvailabilityZone</DataRedundancy><Type>Directory</Type></Bucket>"
    )
    assert (await client("PUT", "/in-paris", body)).status == 200
    assert (await client("GET", "/in-paris?location")).xml["#text"] == "eu-west-3"
    told = (await client("HEAD", "/in-paris")).headers
    assert told["x-amz-bucket-region"] == "eu-west-3"
    assert told["x-amz-bucket-location-name"] == "use1-az4"
    assert told["x-amz-bucket-location-type"] == "AvailabilityZone"
    assert told["x-mys3d-data-redundancy"] == "SingleAvailabilityZone"
    assert told["x-mys3d-bucket-type"] == "Directory"
    assert (await client("GET", "/")).xml["Buckets"]["Bucket"]["BucketRegion"] == "eu-west-3"


@pytest.mark.parametrize("constraint", ["mars-north-1", "us-east-1", " eu-west-1"])
async def test_a_location_outside_the_list_is_refused(client: Any, constraint: str) -> None:
    found = await client("PUT", "/photos", configured(f"<LocationConstraint>{constraint}</LocationConstraint>"))
    assert (found.status, found.code) == (400, "IllegalLocationConstraintException")
    assert (await client("HEAD", "/photos")).status == 404


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ("<Unknown/>", "MalformedXML"),
        ("<Location><Type>Moon</Type></Location>", "MalformedXML"),
        ("<Bucket><Type>Box</Type></Bucket>", "MalformedXML"),
        ("<Bucket><DataRedundancy>None</DataRedundancy></Bucket>", "MalformedXML"),
        ("<Tags><Tag><Key>aws:a</Key><Value>b</Value></Tag></Tags>", "InvalidTag"),
    ],
)
async def test_another_configuration_is_refused(client: Any, inside: str, code: str) -> None:
    assert (await client("PUT", "/photos", configured(inside))).code == code


async def test_its_owner_may_create_a_bucket_again_in_the_default_region(bucket: Any) -> None:
    assert (await bucket("PUT", "/photos")).status == 200
    elsewhere = await bucket("PUT", "/photos", configured("<LocationConstraint>eu-west-3</LocationConstraint>"))
    assert (elsewhere.status, elsewhere.code) == (409, "BucketAlreadyOwnedByYou")


@pytest.mark.parametrize("name", ["ab", "A-Bucket", "under_score", "1.2.3.4", "xn--a", "a..b", "b" * 64])
async def test_a_name_that_breaks_the_rules_is_refused(client: Any, name: str) -> None:
    found = await client("PUT", f"/{name}")
    assert (found.status, found.code) == (400, "InvalidBucketName")


async def test_a_bucket_with_objects_is_not_removed(bucket: Any) -> None:
    await bucket("PUT", "/photos/cat.jpg", b"meow")
    refused = await bucket("DELETE", "/photos")
    assert (refused.status, refused.code) == (409, "BucketNotEmpty")


@pytest.mark.parametrize(
    ("method", "url"), [("DELETE", "/none"), ("GET", "/none?location"), ("GET", "/none"), ("GET", "/none?list-type=2")]
)
async def test_a_bucket_that_is_not_there_is_named(client: Any, method: str, url: str) -> None:
    found = await client(method, url)
    assert (found.status, found.code, found.xml["BucketName"]) == (404, "NoSuchBucket", "none")


async def test_buckets_come_in_pages(client: Any) -> None:
    for name in ("aaa", "bbb", "ccc", "cdd"):
        await client("PUT", f"/{name}")
    first = (await client("GET", "/?max-buckets=3")).xml
    assert [entry["Name"] for entry in first["Buckets"]["Bucket"]] == ["aaa", "bbb", "ccc"]
    rest = (await client("GET", f"/?max-buckets=3&continuation-token={first['ContinuationToken']}")).xml
    assert rest["Buckets"]["Bucket"]["Name"] == "cdd"
    assert "ContinuationToken" not in rest
    chosen = (await client("GET", "/?prefix=c&max-buckets=1")).xml
    assert (chosen["Buckets"]["Bucket"]["Name"], chosen["Prefix"]) == ("ccc", "c")
    assert "ContinuationToken" in chosen
    assert (await client("GET", "/?bucket-region=eu-west-3")).xml["Buckets"] is None


@pytest.mark.parametrize("query", ["max-buckets=0", "max-buckets=10001", "max-buckets=x", "continuation-token=x"])
async def test_a_page_that_cannot_be_is_refused(client: Any, query: str) -> None:
    assert (await client("GET", f"/?{query}")).code == "InvalidArgument"


async def test_a_user_who_was_deleted_a_moment_ago_is_denied(client: Any) -> None:
    gone = Principal(AccessKey("K"), UserId("c" * 64), is_root=False)
    call = Call(client.services, gone, "s3:CreateBucket", Payload(Body(), promises.NOTHING), "")
    with pytest.raises(Rejected) as refused:
        await create_bucket(call, CreateBucket("photos"))
    assert errors.code_of(refused.value.reason) == "AccessDenied"


class Body:
    """No body."""

    async def read(self) -> bytes:
        return b""
