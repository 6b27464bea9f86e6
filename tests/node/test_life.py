"""A node founds a cluster, serves, stops in good order, and comes back with everything."""

import http.client
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio
import trio.testing
from blake3 import blake3

from mys3d import limits
from mys3d.config import NodeConfig
from mys3d.consensus.generations import GenerationStore
from mys3d.errors import Unavailable
from mys3d.node import RunningNode, join_cluster, run_node
from mys3d.node.life import Node
from mys3d.node.node_file import NODE_FILE
from mys3d.node.world import MachineClock
from mys3d.registry import keys

Build = Callable[..., NodeConfig]


def ask(config: NodeConfig, method: str, path: str) -> tuple[int, Any]:
    token = blake3((config.data / "cluster.key").read_bytes(), derive_key_context="mys3d admin").hexdigest()
    connection = http.client.HTTPConnection(config.admin_bind.host, config.admin_bind.port, timeout=10)
    connection.request(method, path, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body


class Life:
    """`run_node` in the background of a test."""

    def __init__(self, config: NodeConfig) -> None:
        self.config, self.ready = config, trio.Event()
        self.scope, self.ended = trio.CancelScope(), trio.Event()

    async def run(self) -> None:
        with self.scope:
            await run_node(self.config, on_ready=self.said_ready)
        self.ended.set()

    def said_ready(self, node: RunningNode) -> None:
        assert node.name == self.config.name
        self.ready.set()

    async def stop(self) -> None:
        self.scope.cancel()
        await self.ended.wait()


async def started(nursery: trio.Nursery, config: NodeConfig) -> Life:
    life = Life(config)
    nursery.start_soon(life.run)
    with trio.fail_after(30):
        await life.ready.wait()
    return life


async def status_when(config: NodeConfig, is_so: Callable[[Any], bool]) -> Any:
    """The status of a node, once it is as the test expects."""
    with trio.fail_after(30):
        while True:
            status, body = await trio.to_thread.run_sync(ask, config, "GET", "/_mys3d/api/v1/status")
            assert status == 200
            if is_so(body):
                return body
            await trio.sleep(0.05)


async def test_a_node_is_found_while_it_serves_and_gone_after_it(config_of: Build, nursery: trio.Nursery) -> None:
    config = config_of(bucket="photos")
    life = await started(nursery, config)
    assert json.loads((config.data / NODE_FILE).read_text())["name"] == "n1"
    body = await status_when(config, lambda body: body["health"] == "healthy")
    assert len(body["nodes"]) == 1
    for check in ("live", "ready", "cluster"):
        status, _ = await trio.to_thread.run_sync(ask, config, "GET", f"/_mys3d/health/{check}")
        assert (check, status) == (check, 200)
    await life.stop()
    assert not (config.data / NODE_FILE).exists()


async def test_a_stopped_node_comes_back_as_the_same_member(config_of: Build, nursery: trio.Nursery) -> None:
    config = config_of()
    life = await started(nursery, config)
    _, before = await trio.to_thread.run_sync(ask, config, "GET", "/_mys3d/api/v1/status")
    await life.stop()
    life = await started(nursery, config)
    _, after = await trio.to_thread.run_sync(ask, config, "GET", "/_mys3d/api/v1/status")
    await life.stop()
    assert after["cluster"]["id"] == before["cluster"]["id"]
    assert [node["id"] for node in after["nodes"]] == [node["id"] for node in before["nodes"]]


async def test_a_second_node_joins_by_token(config_of: Build, nursery: trio.Nursery) -> None:
    first, second = config_of("n1"), config_of("n2")
    life = await started(nursery, first)
    _, granted = await trio.to_thread.run_sync(ask, first, "POST", "/_mys3d/api/v1/token")
    await join_cluster(second, granted["token"])
    joined = await started(nursery, second)
    body = await status_when(second, lambda body: body["copies"]["target"] == 2 and not body["layout"]["in_transition"])
    assert {node["name"] for node in body["nodes"]} == {"n1", "n2"}
    await joined.stop()
    await life.stop()


async def test_a_text_that_is_no_token_writes_nothing(config_of: Build) -> None:
    config = config_of()
    with pytest.raises(Unavailable, match="MYS1"):
        await join_cluster(config, "MYS1.nonsense")
    assert not config.data.exists()


async def test_a_directory_of_another_format_is_refused(config_of: Build) -> None:
    config = config_of()
    config.data.mkdir()
    (config.data / "identity").write_text('{"format": 99}')
    with pytest.raises(Unavailable, match="format 99"):
        await run_node(config)


@pytest.mark.parametrize("fault", ["damaged", "lost", "lost with the registry"])
async def test_a_journal_that_cannot_be_trusted_stops_the_start(
    config_of: Build, nursery: trio.Nursery, fault: str
) -> None:
    config = config_of()
    life = await started(nursery, config)
    await life.stop()
    segment = next((config.data / "journal").glob("*.log"))
    if fault.startswith("lost"):
        shutil.rmtree(segment.parent)
        if "registry" in fault:
            shutil.rmtree(config.registry_path)
    else:
        segment.write_bytes(b"?" + segment.read_bytes()[1:])
    with pytest.RaisesGroup(pytest.RaisesExc(Unavailable, match="no other node has the vote"), flatten_subgroups=True):
        await run_node(config)


@pytest.mark.parametrize("fault", ["journal damaged", "journal older", "journal lost", "journal and registry lost"])
async def test_one_of_two_voters_that_lost_its_journal_comes_back_in_another_incarnation(
    config_of: Build, nursery: trio.Nursery, fault: str
) -> None:
    first, second = config_of(bucket="photos"), config_of("n2")
    lives = [await started(nursery, first)]
    await join_cluster(second, await token_of(first))
    lives.append(await started(nursery, second))
    await status_when(first, lambda body: roles(body) == ["follower", "leader"])
    await lives[1].stop()
    if "older" in fault:
        shutil.copytree(second.data / "journal", second.data / "copy")
        life = await started(nursery, second)
        await token_of(first)  # an entry that both voters acknowledged
        await life.stop()
    spoil(second, fault)
    again = await started(nursery, second)
    await status_when(first, lambda body: roles(body) == ["follower", "leader"] and body["health"] == "healthy")
    assert again.ready.is_set()
    assert (second.data / "journal.lost-1").exists() == ("lost" not in fault)
    assert '"reborn":true' in (second.data / "journal" / "incarnation").read_text()
    for life in (again, lives[0]):
        await life.stop()


async def token_of(config: NodeConfig) -> str:
    _, body = await trio.to_thread.run_sync(ask, config, "POST", "/_mys3d/api/v1/token")
    return str(body["token"])


def roles(body: Any) -> list[str]:
    return sorted(node["role"] for node in body["nodes"])


def spoil(config: NodeConfig, fault: str) -> None:
    journal = config.data / "journal"
    if "older" in fault:
        shutil.rmtree(journal)
        (config.data / "copy").rename(journal)
    elif "damaged" in fault:
        segment = next(journal.glob("*.log"))
        data = bytearray(segment.read_bytes())
        data[100] ^= 1
        segment.write_bytes(data)
    else:
        shutil.rmtree(journal)
    if "registry" in fault:
        shutil.rmtree(config.registry_path)


@pytest.mark.parametrize("damage", ["CURRENT", "rows"])
async def test_a_registry_damaged_while_the_node_was_down_is_made_anew_from_the_journal(
    config_of: Build, nursery: trio.Nursery, damage: str
) -> None:
    config = config_of(bucket="photos")
    life = await started(nursery, config)
    await life.stop()
    hurt(config, damage)
    again = await started(nursery, config)
    body = await status_when(config, lambda body: body["health"] == "healthy")
    assert len(body["nodes"]) == 1
    await again.stop()
    (place,) = config.registry_path.glob("damaged-*")
    assert (place / "g-00000001" / "CURRENT").exists()


def hurt(config: NodeConfig, damage: str) -> None:
    if damage == "CURRENT":
        (config.registry_path / "g-00000001" / "CURRENT").write_text("hello")
        return
    for file in config.registry_path.glob("g-*/*.sst"):
        data = bytearray(file.read_bytes())
        data[20] ^= 1
        file.write_bytes(data)


@pytest.mark.parametrize("damage", ["of RocksDB", "seen by a request", "seen by a flow"])
async def test_a_registry_damaged_while_the_node_runs_is_made_anew_and_the_node_serves_again(
    config_of: Build, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    opened: list[GenerationStore] = []

    def remembered(path: Path) -> GenerationStore:
        opened.append(GenerationStore(path))
        return opened[-1]

    monkeypatch.setattr("mys3d.node.life.GenerationStore", remembered)
    config = config_of(bucket="photos")
    life = await started(nursery, config)
    if "RocksDB" in damage:
        opened[0]._store._faults.told(Exception("Corruption: planted"))
    else:
        opened[0].write([(keys.CLUSTER if "request" in damage else keys.LAYOUT, b"\xc1")])
    await status_when_up(config, lambda: len(opened) == 2)
    assert len(list(config.registry_path.glob("damaged-*"))) == 1
    await life.stop()


async def status_when_up(config: NodeConfig, has_restarted: Callable[[], bool]) -> None:
    """Wait until a node that restarts within its process is healthy again."""
    with trio.fail_after(30):
        while True:
            try:
                status, body = await trio.to_thread.run_sync(ask, config, "GET", "/_mys3d/api/v1/status")
            except OSError:
                status, body = 0, {}
            if has_restarted() and status == 200 and body["health"] == "healthy":
                return
            await trio.sleep(0.05)


async def test_a_registry_damaged_again_and_again_stops_the_node_with_advice(
    config_of: Build, nursery: trio.Nursery
) -> None:
    config = config_of()
    life = await started(nursery, config)
    await life.stop()
    now = MachineClock().now()
    for number in range(limits.quarantined_stores_max):
        (config.registry_path / f"damaged-{now - number}").mkdir()
    hurt(config, "CURRENT")
    with pytest.RaisesGroup(pytest.RaisesExc(Unavailable, match="replace its disk"), flatten_subgroups=True):
        await run_node(config)


async def test_a_node_without_a_majority_rests_between_its_looks(autojump_clock: trio.testing.MockClock) -> None:
    class Lonely:
        looks_count = 0

        async def barrier(self) -> None:
            await trio.lowlevel.checkpoint()
            self.looks_count += 1
            raise Unavailable("no majority")

    registry = Lonely()
    node: Any = SimpleNamespace(ports=SimpleNamespace(registry=registry))
    with trio.move_on_after(10 * limits.membership_tick_seconds + 0.01):
        await Node._catch_up(node)
    assert registry.looks_count == 11
