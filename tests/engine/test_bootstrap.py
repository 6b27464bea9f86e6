"""The first start, and every start after it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import trio.testing

from mys3d.consensus.memory import MemoryCluster, MemoryRegistry
from mys3d.engine.admission import Description
from mys3d.engine.bootstrap import FirstStart, ensure_bucket, first_start, is_other_root_key, settings_that_differ
from mys3d.engine.vault import Vault
from mys3d.errors import Unavailable
from mys3d.model.members import Addresses
from mys3d.model.names import AccessKey, BucketName
from mys3d.model.settings import WriteQuorum
from mys3d.ports import Ports
from mys3d.registry import queries
from mys3d.registry.commands import ChangeSettings

MakeGrid = Callable[[int], Awaitable[Any]]
ROOT = AccessKey("AKIAROOT")
PLAN = FirstStart(
    b"c" * 16,
    "n1",
    Description(b"i" * 16, Addresses("s:1", "a:1", "p:1"), "zone-a", 10**12),
    "eu-central-1",
    ROOT,
    "the secret",
    BucketName("demo"),
)
VAULT = Vault(bytes(32))


@pytest.fixture
async def ports(make_grid: MakeGrid) -> Ports:
    """A node whose registry is empty."""
    grid = await make_grid(1)
    return replace(grid[0].ports, registry=MemoryCluster().registry(grid.ids[0]))


async def test_a_first_start_makes_cluster_root_key_and_bucket(ports: Ports) -> None:
    await first_start(ports, VAULT, PLAN)
    view = ports.registry.view()
    cluster, credential = queries.cluster(view), queries.credential(view, ROOT)
    assert cluster is not None and credential is not None
    assert (cluster.cluster_id, cluster.region) == (PLAN.cluster_id, "eu-central-1")
    assert VAULT.open(ROOT, credential.sealed_secret) == "the secret"
    assert queries.bucket(view, BucketName("demo")) is not None
    assert not is_other_root_key(ports, VAULT, PLAN)


async def test_settings_are_seeded_by_the_first_start_only(ports: Ports) -> None:
    wanted = ChangeSettings(WriteQuorum.ALL)
    await first_start(ports, VAULT, replace(PLAN, settings=wanted))
    assert queries.settings(ports.registry.view()).write_quorum is WriteQuorum.ALL
    assert settings_that_differ(ports, wanted) == settings_that_differ(ports, ChangeSettings()) == []
    other = ChangeSettings(WriteQuorum.MAJORITY, 99)
    await first_start(ports, VAULT, replace(PLAN, settings=other))
    assert queries.settings(ports.registry.view()).write_quorum is WriteQuorum.ALL
    assert settings_that_differ(ports, other) == [
        "write_quorum is all, configured majority",
        "straggler_ms is 250, configured 99",
    ]


async def test_later_starts_change_nothing(ports: Ports) -> None:
    await first_start(ports, VAULT, PLAN)
    before = queries.applied(ports.registry.view())
    await first_start(ports, VAULT, PLAN)
    assert queries.applied(ports.registry.view()) == before


async def test_another_key_in_the_environment_is_told_and_not_stored(ports: Ports) -> None:
    await first_start(ports, VAULT, PLAN)
    for other in (replace(PLAN, secret="changed"), replace(PLAN, access_key=AccessKey("AKIAOTHER"))):
        await first_start(ports, VAULT, other)
        assert is_other_root_key(ports, VAULT, other)
    credential = queries.credential(ports.registry.view(), ROOT)
    assert credential is not None
    assert VAULT.open(ROOT, credential.sealed_secret) == "the secret"
    assert queries.credential(ports.registry.view(), AccessKey("AKIAOTHER")) is None


async def test_a_start_with_rows_that_lag_behind_the_log_stores_no_other_key(ports: Ports) -> None:
    await first_start(ports, VAULT, PLAN)
    cluster = ports.registry.cluster  # type: ignore[attr-defined] # it is the fake's
    reborn = cluster.nodes[ports.node] = MemoryRegistry(cluster, ports.node, is_paused=True)
    again = replace(ports, registry=reborn)

    async def replay() -> None:
        await trio.testing.wait_all_tasks_blocked()
        cluster.heal(ports.node)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(replay)
        await first_start(again, VAULT, replace(PLAN, secret="changed"))
    credential = queries.credential(again.registry.view(), ROOT)
    assert credential is not None
    assert VAULT.open(ROOT, credential.sealed_secret) == "the secret"


async def test_a_start_without_a_leader_waits_for_one(ports: Ports, monkeypatch: Any, autojump_clock: Any) -> None:
    asked = 0
    propose = ports.registry.propose

    async def busy(command: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked % 2:
            raise Unavailable("no leader")
        return await propose(command)

    monkeypatch.setattr(ports.registry, "propose", busy)
    await first_start(ports, VAULT, PLAN)
    assert asked == 6
    assert queries.bucket(ports.registry.view(), BucketName("demo")) is not None


async def test_a_bucket_that_exists_is_left_as_it_is(ports: Ports) -> None:
    await first_start(ports, VAULT, PLAN)
    before = queries.bucket(ports.registry.view(), BucketName("demo"))
    await ensure_bucket(ports, BucketName("demo"), ROOT)
    assert queries.bucket(ports.registry.view(), BucketName("demo")) == before


async def test_no_bucket_is_made_when_none_is_asked_for(ports: Ports) -> None:
    await first_start(ports, VAULT, replace(PLAN, bucket=None))
    assert queries.bucket(ports.registry.view(), BucketName("demo")) is None
