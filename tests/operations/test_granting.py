"""What a grant is good for: others, and requests that nobody signed."""

from typing import Any

import pytest
import trio
import trio.testing

from mys3d.model.names import NodeId
from mys3d.registry import queries
from mys3d.s3.message import Request
from tests.operations.test_acls import ANN, BOB, grant, grants_of, policy

PUBLIC = {"x-amz-acl": "public-read"}
OPEN = {"x-amz-acl": "public-read-write"}


async def nobody(client: Any, method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
    """Send a request without a signature."""
    given = {"host": "localhost:9000", "content-length": str(len(body)), **(headers or {})}
    path, _, query = url.partition("?")
    raw = tuple((name.encode(), value.encode()) for name, value in given.items())
    return await client.send(Request(method, path.encode(), query.encode(), raw, "http", "", "0" * 16), body)


async def test_a_public_object_is_read_by_everybody_and_its_bucket_is_not(ann: Any, bob: Any) -> None:
    await ann("PUT", "/photos")
    await ann("PUT", "/photos/k", b"public", PUBLIC)
    await ann("PUT", "/photos/mine", b"mine")
    for ask in (bob, lambda *words: nobody(ann, *words)):
        assert (await ask("GET", "/photos/k")).body == b"public"
        assert (await ask("HEAD", "/photos/k")).status == 200
        assert (await ask("GET", "/photos/mine")).code == "AccessDenied"
        assert (await ask("GET", "/photos/none")).code == "AccessDenied"
        assert (await ask("GET", "/photos")).code == "AccessDenied"
        assert (await ask("PUT", "/photos/k", b"x")).code == "AccessDenied"
        assert (await ask("DELETE", "/photos/k")).code == "AccessDenied"
        assert (await ask("GET", "/photos/k?acl")).code == "AccessDenied"
    attributes = await nobody(ann, "GET", "/photos/k?attributes", b"", {"x-amz-object-attributes": "ObjectSize"})
    assert attributes.xml["ObjectSize"] == "6"


async def test_nobody_chooses_the_headers_of_an_answer(ann: Any) -> None:
    await ann("PUT", "/photos")
    await ann("PUT", "/photos/k", b"public", PUBLIC)
    refused = await nobody(ann, "GET", "/photos/k?response-content-type=text/html")
    assert (refused.status, refused.code) == (400, "InvalidRequest")


async def test_a_grant_that_was_taken_back_through_another_node_is_worth_nothing(
    ann: Any, bob: Any, with_ports: Any
) -> None:
    await ann("PUT", "/photos", b"", OPEN)
    await ann("PUT", "/photos/k", b"x", PUBLIC)
    cluster, there = ann.services.ports.registry.cluster, NodeId("2" * 32)
    behind = with_ports(bob, registry=cluster.registry(there))
    cluster.heal(there)
    cluster.pause(there)
    await ann("PUT", "/photos?acl", b"", {"x-amz-acl": "private"})
    await ann("PUT", "/photos/k?acl", b"", {"x-amz-acl": "private"})

    async def heal_soon() -> None:
        await trio.testing.wait_all_tasks_blocked()
        cluster.heal(there)

    for method, url, body in (("PUT", "/photos/new", b"x"), ("GET", "/photos/k", b""), ("DELETE", "/photos/k", b"")):
        cluster.pause(there)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(heal_soon)
            found = await behind(method, url, body)
        assert (found.status, found.code) == (403, "AccessDenied")


async def test_a_public_bucket_is_listed_by_everybody_and_what_is_missing_is_told(ann: Any, bob: Any) -> None:
    await ann("PUT", "/photos", b"", PUBLIC)
    await ann("PUT", "/photos/mine", b"mine")
    for ask in (bob, lambda *words: nobody(ann, *words)):
        assert (await ask("GET", "/photos")).xml["Contents"]["Key"] == "mine"
        assert (await ask("GET", "/photos?list-type=2")).status == 200
        assert (await ask("GET", "/photos?versions")).status == 200
        assert (await ask("HEAD", "/photos")).status == 200
        assert (await ask("GET", "/photos/none")).code == "NoSuchKey"
        assert (await ask("GET", "/photos/mine")).code == "AccessDenied"
        assert (await ask("PUT", "/photos/k", b"x")).code == "AccessDenied"


async def test_who_may_write_owns_what_it_writes(ann: Any, bob: Any) -> None:
    await ann("PUT", "/photos", b"", OPEN)
    assert (await bob("PUT", "/photos/k", b"bobs")).status == 200
    found = await bob("GET", "/photos/k?acl")
    assert found.xml["Owner"] == {"ID": BOB, "DisplayName": "bob"}
    assert grants_of(found) == [("CanonicalUser", BOB, "FULL_CONTROL")]
    assert (await bob("GET", "/photos/k")).body == b"bobs"
    assert (await nobody(ann, "GET", "/photos/k")).code == "AccessDenied"
    assert (await ann("GET", "/photos/k")).body == b"bobs"
    await ann("PUT", "/photos/l", b"anns")
    owners = [each["Owner"]["ID"] for each in (await ann("GET", "/photos")).xml["Contents"]]
    assert owners == [BOB, ANN]
    versions = [each["Owner"]["ID"] for each in (await ann("GET", "/photos?versions")).xml["Version"]]
    assert versions == [BOB, ANN]
    assert (await bob("DELETE", "/photos/l")).status == 204


@pytest.mark.parametrize(("name", "permission"), [("read", "READ"), ("full-control", "FULL_CONTROL")])
async def test_a_writer_grants_something_to_the_owner_of_the_bucket(
    ann: Any, bob: Any, name: str, permission: str
) -> None:
    await ann("PUT", "/photos", b"", OPEN)
    assert (await bob("PUT", "/photos/k", b"x", {"x-amz-acl": f"bucket-owner-{name}"})).status == 200
    listed = [("CanonicalUser", BOB, "FULL_CONTROL"), ("CanonicalUser", ANN, permission)]
    assert grants_of(await bob("GET", "/photos/k?acl")) == listed


async def test_what_nobody_signed_belongs_to_the_owner_of_the_bucket(ann: Any) -> None:
    await ann("PUT", "/photos", b"", OPEN)
    assert (await nobody(ann, "PUT", "/photos/k", b"found")).status == 200
    bucket = queries.bucket(ann.services.ports.registry.view(), "photos")
    assert queries.live(ann.services.ports.registry.view(), bucket.id, "k").acl is None
    assert (await ann("GET", "/photos/k")).body == b"found"
    assert (await nobody(ann, "GET", "/photos/k")).code == "AccessDenied"
    assert (await nobody(ann, "PUT", "/photos/k?acl", b"", PUBLIC)).code == "AccessDenied"
    assert (await nobody(ann, "PUT", "/photos/p", b"found", PUBLIC)).status == 200
    assert (await nobody(ann, "GET", "/photos/p")).body == b"found"
    assert (await nobody(ann, "DELETE", "/photos/p")).status == 204


async def test_root_puts_things_into_a_bucket_as_its_owner(ann: Any, client: Any) -> None:
    await ann("PUT", "/photos")
    await client("PUT", "/photos/k", b"x")
    assert (await ann("GET", "/photos/k?acl")).xml["Owner"]["ID"] == ANN


async def test_nobody_has_no_buckets(client: Any) -> None:
    await client("PUT", "/photos")
    found = await nobody(client, "GET", "/")
    assert found.status == 200
    assert found.xml["Buckets"] is None


async def test_a_copy_is_made_by_who_may_read_its_source(ann: Any, bob: Any) -> None:
    await ann("PUT", "/photos")
    await ann("PUT", "/photos/public", b"public", PUBLIC)
    await ann("PUT", "/photos/mine", b"mine")
    await bob("PUT", "/bobs")
    upload = (await bob("POST", "/bobs/p?uploads")).xml["UploadId"]
    for url in ("/bobs/k", f"/bobs/k?uploadId={upload}&partNumber=1".replace("/k?", "/p?")):
        assert (await bob("PUT", url, b"", {"x-amz-copy-source": "/photos/public"})).status == 200
        for source in ("mine", "none"):
            refused = await bob("PUT", url, b"", {"x-amz-copy-source": f"/photos/{source}"})
            assert (refused.status, refused.code) == (403, "AccessDenied")
        missing = await bob("PUT", url, b"", {"x-amz-copy-source": "/nowhere/k"})
        assert (missing.status, missing.code) == (404, "NoSuchBucket")
    assert (await bob("GET", "/bobs/k")).body == b"public"
    assert grants_of(await bob("GET", "/bobs/k?acl")) == [("CanonicalUser", BOB, "FULL_CONTROL")]


async def test_tags_are_copied_by_who_may_read_them(ann: Any, bob: Any) -> None:
    await ann("PUT", "/photos")
    await ann("PUT", "/photos/k", b"public", {**PUBLIC, "x-amz-tagging": "secret=1"})
    await bob("PUT", "/bobs")
    source = {"x-amz-copy-source": "/photos/k"}
    assert (await bob("PUT", "/bobs/k", b"", source)).code == "AccessDenied"
    assert (await bob("PUT", "/bobs/k", b"", {**source, "x-amz-tagging-directive": "REPLACE"})).status == 200


async def test_a_source_that_is_missing_where_lists_are_public_is_told(ann: Any, bob: Any) -> None:
    await ann("PUT", "/photos", b"", PUBLIC)
    await bob("PUT", "/bobs")
    refused = await bob("PUT", "/bobs/k", b"", {"x-amz-copy-source": "/photos/none"})
    assert (refused.status, refused.code) == (404, "NoSuchKey")


async def test_named_versions_are_removed_by_the_owner_of_the_bucket_alone(ann: Any, bob: Any) -> None:
    await ann("PUT", "/photos", b"", OPEN)
    await ann("PUT", "/photos/k", b"x")
    refused = await bob("DELETE", "/photos/k?versionId=null")
    assert (refused.status, refused.code) == (403, "AccessDenied")
    body = b"<Delete><Object><Key>k</Key><VersionId>null</VersionId></Object><Object><Key>l</Key></Object></Delete>"
    told = (await bob("POST", "/photos?delete", body)).xml
    assert (told["Error"]["Key"], told["Error"]["Code"]) == ("k", "AccessDenied")
    assert told["Deleted"]["Key"] == "l"
    assert (await ann("GET", "/photos/k")).body == b"x"
    assert (await ann("DELETE", "/photos/k?versionId=null")).status == 204


async def test_an_upload_belongs_to_who_began_it_and_to_the_owner_of_the_bucket(ann: Any, bob: Any) -> None:
    await ann("PUT", "/photos", b"", OPEN)
    anns = (await ann("POST", "/photos/a?uploads")).xml["UploadId"]
    bobs = (await bob("POST", "/photos/b?uploads", b"", PUBLIC)).xml["UploadId"]
    assert (await nobody(ann, "POST", "/photos/c?uploads")).code == "AccessDenied"
    for url, method in ((f"/photos/a?uploadId={anns}&partNumber=1", "PUT"), (f"/photos/a?uploadId={anns}", "GET")):
        refused = await bob(method, url, b"x" if method == "PUT" else b"")
        assert (refused.status, refused.code) == (403, "AccessDenied")
    assert (await bob("DELETE", f"/photos/a?uploadId={anns}")).code == "AccessDenied"
    etag = (await ann("PUT", f"/photos/a?uploadId={anns}&partNumber=1", b"x")).headers["etag"]
    part = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    assert (await bob("POST", f"/photos/a?uploadId={anns}", document)).code == "AccessDenied"
    rows = (await bob("GET", "/photos?uploads")).xml["Upload"]
    assert [(row["Initiator"]["ID"], row["Owner"]["ID"]) for row in rows] == [(ANN, ANN), (BOB, BOB)]
    assert (await bob("PUT", f"/photos/b?uploadId={bobs}&partNumber=1", b"x")).status == 200
    assert (await bob("GET", f"/photos/b?uploadId={bobs}")).xml["Owner"]["ID"] == BOB
    assert (await bob("POST", f"/photos/b?uploadId={bobs}", document)).status == 200
    assert (await nobody(ann, "GET", "/photos/b")).body == b"x"
    assert (await bob("GET", "/photos/b?acl")).xml["Owner"]["ID"] == BOB


async def test_a_grant_to_one_user_is_not_one_to_others(ann: Any, bob: Any) -> None:
    await ann("PUT", "/photos")
    await ann("PUT", "/photos?acl", policy(grant("CanonicalUser", f"<ID>{BOB}</ID>", "READ")))
    assert (await bob("GET", "/photos")).status == 200
    assert (await nobody(ann, "GET", "/photos")).code == "AccessDenied"


async def test_the_owner_that_is_expected_is_compared(ann: Any, bob: Any) -> None:
    await ann("PUT", "/photos", b"", OPEN)
    await ann("PUT", "/photos/k", b"x", PUBLIC)
    right, wrong = {"x-amz-expected-bucket-owner": ANN}, {"x-amz-expected-bucket-owner": "111122223333"}
    assert (await ann("GET", "/photos", b"", {"x-amz-expected-bucket-owner": ""})).code == "AccessDenied"
    for method, url, body in (
        ("GET", "/photos/k", b""),
        ("GET", "/photos", b""),
        ("PUT", "/photos/l", b"x"),
        ("GET", "/photos/k?acl", b""),
        ("DELETE", "/photos/l", b""),
    ):
        assert (await ann(method, url, body, right)).status in (200, 204)
        refused = await ann(method, url, body, wrong)
        assert (refused.status, refused.code) == (403, "AccessDenied")
    copied = {"x-amz-copy-source": "/photos/k"}
    for owner, status in ((ANN, 200), (BOB, 403)):
        expected = {**copied, "x-amz-source-expected-bucket-owner": owner}
        assert (await ann("PUT", "/photos/copy", b"", expected)).status == status
