"""What a load balancer is told, when things are well and when they are not."""

from dataclasses import replace
from typing import Any

import pytest
import trio

from mys3d.blobs.memory import MemoryBlobs
from mys3d.consensus.memory import MemoryCluster
from mys3d.engine.repair import MissingCopies
from mys3d.engine.scrub import Scrub
from mys3d.errors import Unavailable
from mys3d.model.names import LogIndex, NodeId
from mys3d.node.verdicts import Verdicts
from mys3d.ports import Ports

NODE = NodeId("a" * 32)


class NoMajority:
    """A registry whose barrier never comes through."""

    def __init__(self, registry: Any, error: Exception | None) -> None:
        self._registry, self._error = registry, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    async def barrier(self) -> LogIndex:
        if self._error is not None:
            raise self._error
        await trio.sleep_forever()
        raise AssertionError


@pytest.fixture
def verdicts() -> Verdicts:
    registry = MemoryCluster([NODE]).registry(NODE)
    unused: Any = None
    paper: Any = None
    ports = Ports(NODE, registry, MemoryBlobs(), unused, unused, unused)
    return Verdicts(ports, MissingCopies(ports), Scrub(ports, paper, paper), trio.Event())


async def test_a_node_that_turns_is_live_also_without_a_majority(verdicts: Verdicts) -> None:
    assert (await verdicts.live()).is_well


async def test_a_stopping_node_is_not_ready(verdicts: Verdicts) -> None:
    verdicts.stopping.set()
    verdict = await verdicts.ready()
    assert (verdict.is_well, verdict.reasons) == (False, ("this node is stopping",))


@pytest.mark.parametrize("error", [Unavailable("no leader"), None])
async def test_a_node_without_a_majority_is_not_ready(
    verdicts: Verdicts, error: Exception | None, autojump_clock: trio.testing.MockClock
) -> None:
    registry: Any = NoMajority(verdicts.ports.registry, error)
    alone = replace(verdicts, ports=replace(verdicts.ports, registry=registry))
    assert not (await alone.ready()).is_well


async def test_a_node_that_knows_no_cluster_says_so(verdicts: Verdicts) -> None:
    verdict = await verdicts.cluster()
    assert not verdict.is_well
    assert "cluster" in verdict.reasons[0]
