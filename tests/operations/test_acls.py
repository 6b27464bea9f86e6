"""Lists of grants: told, replaced, refused."""

from typing import Any

import pytest

from mys3d import limits
from mys3d.model.names import AccessKey, UserId
from mys3d.registry import queries
from mys3d.registry.user_commands import CreateUser, DeleteUser

ANN, BOB = "a" * 64, "b" * 64
ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
GROUP = f"<URI>{ALL_USERS}</URI>"


@pytest.fixture
async def photos(ann: Any) -> Any:
    """Ann, with the object `k` in her bucket."""
    await ann("PUT", "/photos")
    await ann("PUT", "/photos/k", b"mine")
    return ann


def grant(kind: str, who: str, permission: str) -> str:
    told = f'<Grantee xmlns:xsi="{XSI}" xsi:type="{kind}">{who}</Grantee>'
    return f"<Grant>{told}<Permission>{permission}</Permission></Grant>"


def policy(*grants: str, owner: str = ANN) -> bytes:
    told = f"<Owner><ID>{owner}</ID></Owner><AccessControlList>{''.join(grants)}</AccessControlList>"
    return f"<AccessControlPolicy>{told}</AccessControlPolicy>".encode()


def grants_of(answer: Any) -> list[tuple[str, str, str]]:
    """Type, grantee and permission of each grant."""
    rows = (answer.xml["AccessControlList"] or {}).get("Grant", [])
    found = []
    for each in rows if isinstance(rows, list) else [rows]:
        who = each["Grantee"]
        found.append((who["@xsi:type"], who.get("ID") or who.get("URI"), each["Permission"]))
    return found


OWN = ("CanonicalUser", ANN, "FULL_CONTROL")
PUBLIC = ("Group", ALL_USERS, "READ")


@pytest.mark.parametrize("url", ["/photos?acl", "/photos/k?acl"])
async def test_what_nothing_was_granted_on_is_its_owners(photos: Any, url: str) -> None:
    found = await photos("GET", url)
    assert found.status == 200
    assert found.xml["Owner"] == {"ID": ANN, "DisplayName": "ann"}
    assert grants_of(found) == [OWN]


@pytest.mark.parametrize("url", ["/photos?acl", "/photos/k?acl"])
async def test_a_canned_list_is_told_and_taken_back(photos: Any, url: str) -> None:
    assert (await photos("PUT", url, headers={"x-amz-acl": "public-read"})).status == 200
    assert grants_of(await photos("GET", url)) == [PUBLIC, OWN]
    assert (await photos("PUT", url, headers={"x-amz-acl": "private"})).status == 200
    assert grants_of(await photos("GET", url)) == [OWN]
    found = queries.bucket(photos.services.ports.registry.view(), "photos")
    assert found.grants is None


@pytest.mark.parametrize("url", ["/photos?acl", "/photos/k?acl"])
async def test_a_document_replaces_a_list_as_a_whole(photos: Any, url: str) -> None:
    document = policy(grant("CanonicalUser", f"<ID>{BOB}</ID>", "READ_ACP"), grant("Group", GROUP, "READ"))
    assert (await photos("PUT", url, document)).status == 200
    found = await photos("GET", url)
    assert grants_of(found) == [PUBLIC, ("CanonicalUser", BOB, "READ_ACP")]
    assert (await photos("PUT", url, policy())).status == 200
    assert grants_of(await photos("GET", url)) == []


@pytest.mark.parametrize("url", ["/photos?acl", "/photos/k?acl"])
async def test_headers_list_grantees(photos: Any, url: str) -> None:
    headers = {"x-amz-grant-full-control": f"id={BOB}", "x-amz-grant-read": f'uri="{ALL_USERS}", id="{ANN}"'}
    assert (await photos("PUT", url, headers=headers)).status == 200
    listed = [PUBLIC, ("CanonicalUser", ANN, "READ"), ("CanonicalUser", BOB, "FULL_CONTROL")]
    assert grants_of(await photos("GET", url)) == listed


async def test_a_grantee_may_be_named_by_an_address(photos: Any) -> None:
    cay = UserId("c" * 64)
    await photos.services.ports.registry.propose(CreateUser(cay, "cay", "cay@example.com"))
    by_mail = grant("AmazonCustomerByEmail", "<EmailAddress>cay@example.com</EmailAddress>", "WRITE")
    assert (await photos("PUT", "/photos?acl", policy(by_mail))).status == 200
    assert grants_of(await photos("GET", "/photos?acl")) == [("CanonicalUser", cay, "WRITE")]
    await photos.services.ports.registry.propose(DeleteUser(cay))
    told = await photos("GET", "/photos?acl")
    assert grants_of(told) == [("CanonicalUser", cay, "WRITE")]
    again = policy(grant("CanonicalUser", f"<ID>{cay}</ID>", "WRITE"))
    assert (await photos("PUT", "/photos?acl", again)).status == 200


MAIL = "<EmailAddress>none@example.com</EmailAddress>"


@pytest.mark.parametrize("url", ["/photos?acl", "/photos/k?acl"])
@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"", {}, "MissingSecurityHeader"),
        (b"", {"x-amz-acl": "public"}, "InvalidArgument"),
        (b"", {"x-amz-acl": "aws-exec-read"}, "NotImplemented"),
        (b"", {"x-amz-acl": "private", "x-amz-grant-read": f"id={BOB}"}, "InvalidRequest"),
        (b"", {"x-amz-grant-read": "id=nobody"}, "InvalidArgument"),
        (b"", {"x-amz-grant-read": "id="}, "InvalidArgument"),
        (b"", {"x-amz-grant-read": "uri=http://x"}, "InvalidArgument"),
        (b"", {"x-amz-grant-read": "emailAddress="}, "UnresolvableGrantByEmailAddress"),
        (policy(), {"x-amz-acl": "private"}, "UnexpectedContent"),
        (policy(owner=BOB), {}, "AccessDenied"),
        (policy(grant("CanonicalUser", "<ID>_foo</ID>", "READ")), {}, "InvalidArgument"),
        (policy(grant("AmazonCustomerByEmail", MAIL, "READ")), {}, "UnresolvableGrantByEmailAddress"),
        (policy(grant("Group", "<URI>http://x</URI>", "READ")), {}, "InvalidArgument"),
        (policy(grant("Robot", GROUP, "READ")), {}, "MalformedACLError"),
        (policy(grant("Group", GROUP, "LOOK")), {}, "MalformedACLError"),
        (policy(*[grant("Group", GROUP, "READ")] * (limits.acl_grants_max + 1)), {}, "MalformedACLError"),
        (b"<AccessControlPolicy/>", {}, "MalformedACLError"),
        (b"<AccessControl", {}, "MalformedACLError"),
    ],
)
async def test_a_list_that_cannot_be_meant_is_refused(
    photos: Any, url: str, body: bytes, headers: dict[str, str], code: str
) -> None:
    assert (await photos("PUT", url, body, headers)).code == code
    assert grants_of(await photos("GET", url)) == [OWN]


async def test_a_bucket_is_made_with_grants(ann: Any) -> None:
    assert (await ann("PUT", "/photos", headers={"x-amz-acl": "public-read"})).status == 200
    assert grants_of(await ann("GET", "/photos?acl")) == [PUBLIC, OWN]
    assert (await ann("PUT", "/photos", headers={"x-amz-acl": "public-read"})).status == 200
    for headers in ({}, {"x-amz-acl": "authenticated-read"}):
        refused = await ann("PUT", "/photos", headers=headers)
        assert (refused.status, refused.code) == (409, "BucketAlreadyExists")
    listed = {"x-amz-grant-write": f"id={BOB}", "x-amz-grant-read": f"id={BOB}"}
    assert (await ann("PUT", "/others", headers=listed)).status == 200
    both = [("CanonicalUser", BOB, "READ"), ("CanonicalUser", BOB, "WRITE")]
    assert grants_of(await ann("GET", "/others?acl")) == both
    assert (await ann("PUT", "/third", headers={"x-amz-acl": "public"})).code == "InvalidArgument"


async def test_an_object_is_made_with_grants_and_written_again_without(photos: Any) -> None:
    for headers in ({"x-amz-acl": "public-read"}, {"x-amz-grant-read": f"uri={ALL_USERS}"}):
        await photos("PUT", "/photos/k", b"x", headers)
        assert PUBLIC in grants_of(await photos("GET", "/photos/k?acl"))
    await photos("PUT", "/photos/k", b"x")
    assert grants_of(await photos("GET", "/photos/k?acl")) == [OWN]


async def test_a_copy_never_has_the_list_of_its_source(photos: Any) -> None:
    await photos("PUT", "/photos/k", b"x", {"x-amz-acl": "public-read"})
    source = {"x-amz-copy-source": "/photos/k"}
    await photos("PUT", "/photos/plain", headers=source)
    assert grants_of(await photos("GET", "/photos/plain?acl")) == [OWN]
    await photos("PUT", "/photos/public", headers={**source, "x-amz-acl": "public-read"})
    assert grants_of(await photos("GET", "/photos/public?acl")) == [PUBLIC, OWN]


async def test_each_version_has_a_list_of_its_own(photos: Any) -> None:
    body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    await photos("PUT", "/photos?versioning", body)
    first = (await photos("PUT", "/photos/v", b"1")).headers["x-amz-version-id"]
    await photos("PUT", "/photos/v", b"2")
    before = (await photos("HEAD", f"/photos/v?versionId={first}")).headers["last-modified"]
    assert (await photos("PUT", f"/photos/v?acl&versionId={first}", headers={"x-amz-acl": "public-read"})).status == 200
    assert grants_of(await photos("GET", f"/photos/v?acl&versionId={first}")) == [PUBLIC, OWN]
    assert grants_of(await photos("GET", "/photos/v?acl")) == [OWN]
    assert (await photos("HEAD", f"/photos/v?versionId={first}")).headers["last-modified"] == before
    missing = await photos(
        "PUT", "/photos/v?acl&versionId=00000000000000000000000000000009", b"", {"x-amz-acl": "private"}
    )
    assert missing.status in (400, 404)
    gone = await photos("GET", "/photos/none?acl")
    assert (gone.status, gone.code) == (404, "NoSuchKey")


async def test_a_grantee_changes_a_list_and_not_the_owner(photos: Any, bob: Any) -> None:
    await photos("PUT", "/photos/k?acl", policy(grant("CanonicalUser", f"<ID>{BOB}</ID>", "FULL_CONTROL")))
    narrower = policy(grant("CanonicalUser", f"<ID>{BOB}</ID>", "READ_ACP"))
    assert (await bob("PUT", "/photos/k?acl", narrower)).status == 200
    found = await bob("GET", "/photos/k?acl")
    assert found.xml["Owner"]["ID"] == ANN
    refused = await bob("PUT", "/photos/k?acl", narrower)
    assert (refused.status, refused.code) == (403, "AccessDenied")
    assert (await bob("GET", "/photos/k")).status == 403


async def test_a_stranger_hears_nothing_before_it_may(photos: Any, bob: Any) -> None:
    for url in ("/photos?acl", "/photos/k?acl", "/photos/none?acl"):
        for method, body in (("GET", b""), ("PUT", b"<junk")):
            found = await bob(method, url, body)
            assert (found.status, found.code) == (403, "AccessDenied")


async def test_an_object_that_is_replaced_meanwhile_is_not_granted(photos: Any, with_ports: Any) -> None:
    """The version whose list was decided on is gone when the command comes."""
    registry = photos.services.ports.registry

    class Late:
        def __getattr__(self, name: str) -> Any:
            return getattr(registry, name)

        async def propose(self, command: Any) -> Any:
            assert (await photos("PUT", "/photos/k", b"newer")).status == 200
            return await registry.propose(command)

    late = with_ports(photos, registry=Late())
    found = await late("PUT", "/photos/k?acl", headers={"x-amz-acl": "public-read"})
    assert (found.status, found.code) == (503, "SlowDown")
    assert grants_of(await photos("GET", "/photos/k?acl")) == [OWN]
    named = await late("PUT", "/photos/k?acl&versionId=null", headers={"x-amz-acl": "public-read"})
    assert (named.status, named.code) == (404, "NoSuchVersion")


async def test_the_lists_of_root_can_be_sent_back(bucket: Any) -> None:
    told = await bucket("GET", "/photos?acl")
    owner = told.xml["Owner"]["ID"]
    assert grants_of(told) == [("CanonicalUser", owner, "FULL_CONTROL")]
    more = grant("CanonicalUser", f"<ID>{owner}</ID>", "FULL_CONTROL"), grant("Group", GROUP, "READ")
    assert (await bucket("PUT", "/photos?acl", policy(*more, owner=owner))).status == 200
    assert grants_of(await bucket("GET", "/photos?acl")) == [PUBLIC, ("CanonicalUser", owner, "FULL_CONTROL")]
    found = queries.bucket(bucket.services.ports.registry.view(), "photos")
    assert found.grants[1].grantee == AccessKey(bucket.access_key)
