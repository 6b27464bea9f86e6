"""Who owns what others put into a bucket."""

from typing import Any

import pytest

from tests.operations.test_acls import ANN, BOB, grants_of

OPEN = {"x-amz-acl": "public-read-write"}
FULL = {"x-amz-acl": "bucket-owner-full-control"}


def controls(*names: str) -> bytes:
    rules = "".join([f"<Rule><ObjectOwnership>{name}</ObjectOwnership></Rule>" for name in names])
    return f"<OwnershipControls>{rules}</OwnershipControls>".encode()


async def test_controls_are_told_and_removed(ann: Any) -> None:
    await ann("PUT", "/photos")
    missing = await ann("GET", "/photos?ownershipControls")
    assert (missing.status, missing.code) == (404, "OwnershipControlsNotFoundError")
    for name in ("ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced"):
        assert (await ann("PUT", "/photos?ownershipControls", controls(name))).status == 200
        assert (await ann("GET", "/photos?ownershipControls")).xml["Rule"] == {"ObjectOwnership": name}
    for _ in range(2):
        assert (await ann("DELETE", "/photos?ownershipControls")).status == 204
    assert (await ann("GET", "/photos?ownershipControls")).status == 404


async def test_a_bucket_is_made_with_controls(ann: Any) -> None:
    made = await ann("PUT", "/photos", headers={"x-amz-object-ownership": "BucketOwnerPreferred"})
    assert made.status == 200
    assert (await ann("GET", "/photos?ownershipControls")).xml["Rule"]["ObjectOwnership"] == "BucketOwnerPreferred"
    for name in ("", "Everybody"):
        refused = await ann("PUT", "/others", headers={"x-amz-object-ownership": name})
        assert (refused.status, refused.code) == (400, "InvalidArgument")
    enforced = {"x-amz-object-ownership": "BucketOwnerEnforced"}
    refused = await ann("PUT", "/others", headers={**enforced, **OPEN})
    assert (refused.status, refused.code) == (400, "InvalidBucketAclWithObjectOwnership")
    assert (await ann("PUT", "/others", headers={**enforced, "x-amz-acl": "private"})).status == 200


@pytest.mark.parametrize(
    "body", [controls(), controls("Everybody"), controls(""), controls("ObjectWriter", "ObjectWriter"), b"<junk"]
)
async def test_controls_that_nobody_knows_are_refused(ann: Any, body: bytes) -> None:
    await ann("PUT", "/photos")
    refused = await ann("PUT", "/photos?ownershipControls", body)
    assert (refused.status, refused.code) == (400, "MalformedXML")


async def test_an_enforced_owner_and_grants_on_the_bucket_exclude_each_other(ann: Any) -> None:
    await ann("PUT", "/photos", headers=OPEN)
    refused = await ann("PUT", "/photos?ownershipControls", controls("BucketOwnerEnforced"))
    assert (refused.status, refused.code) == (400, "InvalidBucketAclWithObjectOwnership")
    await ann("PUT", "/photos?acl", headers={"x-amz-acl": "private"})
    assert (await ann("PUT", "/photos?ownershipControls", controls("BucketOwnerEnforced"))).status == 200


async def test_where_the_owner_is_enforced_no_list_is_set_or_counts(ann: Any, bob: Any) -> None:
    await ann("PUT", "/photos", headers=OPEN)
    await bob("PUT", "/photos/k", b"bobs", {"x-amz-acl": "public-read"})
    await ann("PUT", "/photos?acl", headers={"x-amz-acl": "private"})
    await ann("PUT", "/photos?ownershipControls", controls("BucketOwnerEnforced"))
    assert (await bob("GET", "/photos/k")).code == "AccessDenied"
    assert grants_of(await ann("GET", "/photos/k?acl")) == [("CanonicalUser", ANN, "FULL_CONTROL")]
    for method, url, headers in (
        ("PUT", "/photos/new", {"x-amz-acl": "private"}),
        ("PUT", "/photos/new", {"x-amz-grant-read": f"id={BOB}"}),
        ("PUT", "/photos/new", {"x-amz-acl": "private", "x-amz-copy-source": "/photos/k"}),
        ("POST", "/photos/new?uploads", {"x-amz-acl": "private"}),
        ("PUT", "/photos?acl", {"x-amz-acl": "private"}),
        ("PUT", "/photos/k?acl", {"x-amz-acl": "private"}),
    ):
        refused = await ann(method, url, b"", headers)
        assert (refused.status, refused.code) == (400, "AccessControlListNotSupported")
    assert (await ann("PUT", "/photos/new", b"x", FULL)).status == 200
    assert (await ann("PUT", "/photos/plain", b"x")).status == 200
    listed = [each["Owner"]["ID"] for each in (await ann("GET", "/photos")).xml["Contents"]]
    assert listed == [ANN, ANN, ANN]
    await ann("DELETE", "/photos?ownershipControls")
    assert (await bob("GET", "/photos/k")).body == b"bobs"


@pytest.mark.parametrize(("name", "owner"), [("BucketOwnerPreferred", ANN), ("ObjectWriter", BOB)])
async def test_a_writer_may_leave_its_object_to_the_owner_of_the_bucket(
    ann: Any, bob: Any, name: str, owner: str
) -> None:
    await ann("PUT", "/photos", headers=OPEN)
    await ann("PUT", "/photos?ownershipControls", controls(name))
    await bob("PUT", "/photos/k", b"x", FULL)
    await bob("PUT", "/photos/copy", b"", {**FULL, "x-amz-copy-source": "/photos/k"})
    assert (await ann("GET", "/photos/k?acl")).xml["Owner"]["ID"] == owner
    upload = (await bob("POST", "/photos/p?uploads", b"", FULL)).xml["UploadId"]
    assert (await bob("GET", f"/photos/p?uploadId={upload}")).xml["Owner"]["ID"] == owner
    await bob("PUT", "/photos/mine", b"x", {"x-amz-acl": "private"})
    assert (await ann("GET", "/photos/mine?acl")).xml["Owner"]["ID"] == BOB
