"""What an operation learns of its bucket."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import trio
import trio.testing

from mys3d.consensus.memory import MemoryCluster
from mys3d.errors import S3Error
from mys3d.model.buckets import BucketConfiguration
from mys3d.model.names import AccessKey, BucketName, NodeId, UserId
from mys3d.operations.call import Call, bucket_for_write, bucket_name, bucket_now
from mys3d.operations.payload import Payload
from mys3d.policy.decide import Principal
from mys3d.registry.commands import CreateBucket
from mys3d.s3 import promises

HERE, THERE = NodeId("1" * 32), NodeId("2" * 32)


async def late(cluster: MemoryCluster, client: Any, ask: Callable[[Call], Awaitable[object]]) -> object:
    """Ask a node that hears of the bucket `photos` only after it was asked."""
    there = cluster.registry(THERE)
    cluster.pause(THERE)
    await cluster.registry(HERE).propose(CreateBucket(BucketName("photos"), UserId("AK"), BucketConfiguration()))
    services = replace(client.services, ports=replace(client.services.ports, registry=there))
    caller = Principal(AccessKey("AK"), UserId("AK"), is_root=True)
    call = Call(services, caller, "s3:ListBucket", Payload(client, promises.NOTHING), "")
    with pytest.raises(S3Error):
        bucket_now(call, "photos")

    async def heal_soon() -> None:
        await trio.testing.wait_all_tasks_blocked()
        cluster.heal(THERE)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(heal_soon)
        return await ask(call)


async def test_a_bucket_made_through_another_node_a_moment_ago_can_be_written_to(client: Any) -> None:
    found: Any = await late(MemoryCluster(), client, lambda call: bucket_for_write(call, "photos"))
    assert found.name == "photos"


async def test_a_bucket_that_nobody_made_is_missing_after_the_barrier(client: Any) -> None:
    async def ask(call: Call) -> str:
        with pytest.raises(S3Error) as refused:
            await bucket_for_write(call, "none")
        return refused.value.code

    assert await late(MemoryCluster(), client, ask) == "NoSuchBucket"


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("PUT", "/photos/k", b"x"),
        ("DELETE", "/photos/k", b""),
        ("DELETE", "/photos", b""),
        ("POST", "/photos?delete", b"<Delete><Object><Key>k</Key></Object></Delete>"),
    ],
)
async def test_a_bucket_made_anew_through_another_node_is_never_called_missing(
    bucket: Any, with_ports: Any, method: str, url: str, body: bytes
) -> None:
    cluster = bucket.services.ports.registry.cluster
    behind = with_ports(bucket, registry=cluster.registry(THERE))
    cluster.heal(THERE)
    cluster.pause(THERE)
    assert (await bucket("DELETE", "/photos")).status == 204
    assert (await bucket("PUT", "/photos")).status == 200

    async def heal_soon() -> None:
        await trio.testing.wait_all_tasks_blocked()
        cluster.heal(THERE)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(heal_soon)
        found = await behind(method, url, body)
    assert "NoSuchBucket" not in found.body.decode()
    assert "SlowDown" in found.body.decode()
    assert (await behind(method, url, body)).status in (200, 204)


def test_a_bucket_name_is_parsed_or_refused_with_the_rule() -> None:
    assert bucket_name("photos") == "photos"
    with pytest.raises(S3Error) as refused:
        bucket_name("a..b")
    assert refused.value.code == "InvalidBucketName"
    assert "two dots" in refused.value.message
