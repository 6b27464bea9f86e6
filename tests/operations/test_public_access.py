"""What may not be public."""

from typing import Any

from tests.operations.test_acls import BOB, grant, policy

PUBLIC = {"x-amz-acl": "public-read"}
NAMES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def block(*names: str) -> bytes:
    told = "".join([f"<{name}>true</{name}>" for name in names])
    return f"<PublicAccessBlockConfiguration>{told}</PublicAccessBlockConfiguration>".encode()


async def test_a_block_is_told_and_removed(ann: Any) -> None:
    await ann("PUT", "/photos")
    missing = await ann("GET", "/photos?publicAccessBlock")
    assert (missing.status, missing.code) == (404, "NoSuchPublicAccessBlockConfiguration")
    for set_ in (NAMES, NAMES[:1], NAMES[1:2], NAMES[2:3], NAMES[3:], ()):
        assert (await ann("PUT", "/photos?publicAccessBlock", block(*set_))).status == 200
        told = (await ann("GET", "/photos?publicAccessBlock")).xml
        assert {name: told[name] for name in NAMES} == {name: "true" if name in set_ else "false" for name in NAMES}
    for _ in range(2):
        assert (await ann("DELETE", "/photos?publicAccessBlock")).status == 204
    assert (await ann("GET", "/photos?publicAccessBlock")).status == 404
    assert (await ann("PUT", "/photos?publicAccessBlock", b"<junk")).code == "MalformedXML"


async def test_nothing_new_becomes_public(ann: Any) -> None:
    await ann("PUT", "/photos")
    await ann("PUT", "/photos/k", b"x")
    await ann("PUT", "/photos?publicAccessBlock", block("BlockPublicAcls"))
    group = grant("Group", "<URI>http://acs.amazonaws.com/groups/global/AuthenticatedUsers</URI>", "READ")
    for method, url, body, headers in (
        ("PUT", "/photos?acl", b"", PUBLIC),
        ("PUT", "/photos?acl", policy(group), {}),
        ("PUT", "/photos/k?acl", b"", {"x-amz-acl": "authenticated-read"}),
        ("PUT", "/photos/new", b"x", PUBLIC),
        ("PUT", "/photos/new", b"", {**PUBLIC, "x-amz-copy-source": "/photos/k"}),
        ("POST", "/photos/new?uploads", b"", PUBLIC),
    ):
        refused = await ann(method, url, body, headers)
        assert (refused.status, refused.code) == (403, "AccessDenied")
    assert (await ann("PUT", "/photos/new", b"x", {"x-amz-grant-read": f"id={BOB}"})).status == 200
    assert (await ann("PUT", "/photos/new", b"x", {"x-amz-acl": "private"})).status == 200


async def test_what_is_public_may_be_ignored(ann: Any, bob: Any) -> None:
    await ann("PUT", "/photos", b"", PUBLIC)
    await ann("PUT", "/photos/k", b"x", PUBLIC)
    assert (await bob("GET", "/photos/k")).status == 200
    await ann("PUT", "/photos?publicAccessBlock", block("IgnorePublicAcls"))
    assert (await ann("PUT", "/photos?acl", b"", PUBLIC)).status == 200
    for url in ("/photos", "/photos/k"):
        assert (await bob("GET", url)).code == "AccessDenied"
    await ann("DELETE", "/photos?publicAccessBlock")
    assert (await bob("GET", "/photos/k")).status == 200


async def test_a_bucket_tells_whether_it_is_public(ann: Any) -> None:
    await ann("PUT", "/photos")

    async def is_public() -> str:
        return str((await ann("GET", "/photos?policyStatus")).xml["IsPublic"])

    assert await is_public() == "false"
    for name in ("public-read", "authenticated-read"):
        await ann("PUT", "/photos?acl", b"", {"x-amz-acl": name})
        assert await is_public() == "true"
    await ann("PUT", "/photos?publicAccessBlock", block("IgnorePublicAcls"))
    assert await is_public() == "false"
