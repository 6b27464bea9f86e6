"""Who sent this request: what is refused, and how."""

import hashlib
import hmac
from dataclasses import replace
from typing import Any

import pytest
import trio
import trio.testing

from mys3d.consensus.memory import MemoryCluster
from mys3d.model.names import AccessKey, NodeId
from mys3d.registry.commands import PutCredential
from mys3d.s3 import sigv4

UNSIGNED_TRAILER = {
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "x-amz-decoded-content-length": "5",
    "Content-Encoding": "aws-chunked",
}
FRAMED = b"5\r\nhello\r\n0\r\n\r\n"


async def test_a_right_signature_is_accepted(client: Any) -> None:
    assert (await client("GET", "/")).status == 200


async def test_a_wrong_secret_is_refused(client: Any) -> None:
    found = await replace(client, secret="wrong")("GET", "/")
    assert (found.status, found.code) == (403, "SignatureDoesNotMatch")
    assert found.xml["StringToSign"].startswith("AWS4-HMAC-SHA256")


async def test_an_unknown_key_is_refused_whatever_its_signature(client: Any) -> None:
    for secret in (client.secret, "the secret that an unknown access key is compared with"):
        found = await replace(client, access_key="UNKNOWN", secret=secret)("GET", "/")
        assert (found.status, found.code) == (403, "InvalidAccessKeyId")


@pytest.mark.parametrize("access_key", ["A" * 5000, "é", "a/b", "..", "\\"])
async def test_a_strange_key_is_refused_like_any_other(client: Any, access_key: str) -> None:
    request = client.signed("GET", "/")
    headers = tuple(
        (name, value.replace(client.access_key.encode(), access_key.encode())) for name, value in request.headers
    )
    assert (await client.send(replace(request, headers=headers))).status in (400, 403)


async def test_the_region_is_that_of_the_cluster_or_of_the_bucket(client: Any) -> None:
    body = b"<CreateBucketConfiguration><LocationConstraint>eu-west-3</LocationConstraint></CreateBucketConfiguration>"
    await client("PUT", "/in-paris", body)
    abroad = replace(client, region="eu-west-3")
    assert (await abroad("GET", "/in-paris")).status == 200
    found = await abroad("GET", "/")
    assert (found.status, found.code, found.xml["Region"]) == (400, "AuthorizationHeaderMalformed", "us-east-1")


@pytest.mark.parametrize("change", [(b"Signature=", b"Signature=0"), (b"us-east-1", b"us-east-2")])
async def test_an_unsigned_trailer_needs_a_right_signature_of_its_head(
    bucket: Any, change: tuple[bytes, bytes]
) -> None:
    request = bucket.signed("PUT", "/photos/k", b"", {**UNSIGNED_TRAILER, "Content-Length": str(len(FRAMED))})
    headers = tuple((name, value.replace(*change)) for name, value in request.headers)
    found = await bucket.send(replace(request, headers=headers), AssertionError("the body was asked for"))
    assert found.status in (400, 403)
    assert (await bucket("GET", "/photos/k")).status == 404


async def test_an_unsigned_trailer_with_credentials_in_the_query_alone_stores_nothing(bucket: Any) -> None:
    credential = b"AKIAIOSFODNN7EXAMPLE%2F20151021%2Fus-east-1%2Fs3%2Faws4_request"
    query = b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + credential
    request = bucket.signed("PUT", "/photos/k", b"", UNSIGNED_TRAILER)
    headers = tuple(pair for pair in request.headers if pair[0] != b"authorization")
    found = await bucket.send(
        replace(request, headers=headers, raw_query=query), AssertionError("the body was asked for")
    )
    assert (found.status, found.code) == (400, "AuthorizationQueryParametersError")
    assert (await bucket("GET", "/photos/k")).status == 404


async def test_signed_chunks_with_a_forged_seed_store_nothing(bucket: Any) -> None:
    headers = {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": "5",
        "Content-Encoding": "aws-chunked",
    }
    forged = b"0" * 64
    framed = b"5;chunk-signature=%b\r\nhello\r\n0;chunk-signature=%b\r\n\r\n" % (forged, forged)
    request = bucket.signed("PUT", "/photos/k", b"", {**headers, "Content-Length": str(len(framed))})
    found = await bucket.send(request, framed)
    assert (found.status, found.code) == (403, "SignatureDoesNotMatch")
    assert (await bucket("GET", "/photos/k")).status == 404


async def test_signed_chunks_are_accepted_and_one_changed_byte_is_not(bucket: Any) -> None:
    headers = {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": "5",
        "Content-Encoding": "aws-chunked",
    }
    request = bucket.signed("PUT", "/photos/k", b"", headers)
    claim = sigv4.read_claim(request, bucket.services.ports.clock.now())
    key = sigv4.SigningKeys().key(bucket.secret, claim.date, claim.region)
    previous, framed = claim.signature, b""
    empty = hashlib.sha256(b"").hexdigest()
    for data in (b"hel", b"lo", b""):
        digest = hashlib.sha256(data).hexdigest()
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{claim.timestamp}\n{claim.scope}\n{previous}\n{empty}\n{digest}"
        previous = hmac.digest(key, text.encode(), "sha256").hex()
        framed += f"{len(data):x};chunk-signature={previous}\r\n".encode() + data + b"\r\n"
    changed = await bucket.send(request, framed.replace(b"\r\nhel", b"\r\nhal"))
    assert (changed.status, changed.code) == (403, "SignatureDoesNotMatch")
    assert (await bucket("GET", "/photos/k")).status == 404
    assert (await bucket.send(request, framed)).status == 200
    assert (await bucket("GET", "/photos/k")).body == b"hello"


async def test_a_spoofed_forwarded_header_changes_nothing(client: Any) -> None:
    request = client.signed("GET", "/")
    spoofed = (*request.headers, (b"x-forwarded-for", b"127.0.0.1"), (b"x-forwarded-host", b"evil"))
    assert (await client.send(replace(request, headers=spoofed))).status == 200


async def test_a_key_made_through_another_node_a_moment_ago_is_known(client: Any, with_ports: Any) -> None:
    cluster = MemoryCluster()
    here, there = cluster.registry(NodeId("1" * 32)), cluster.registry(NodeId("2" * 32))
    sealed = client.services.vault.seal(AccessKey("FRESH"), client.secret, bytes(12))
    cluster.pause(NodeId("2" * 32))
    await here.propose(PutCredential(AccessKey("FRESH"), sealed, "ann", True, replace=False))

    async def heal_soon() -> None:
        await trio.testing.wait_all_tasks_blocked()
        cluster.heal(NodeId("2" * 32))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(heal_soon)
        found = await replace(with_ports(client, registry=there), access_key="FRESH")("GET", "/")
    assert found.status == 200
