"""The simulated links keep the order of frames and tell both ends when they break."""

from random import Random
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mys3d.errors import Unavailable
from mys3d.model.names import NodeId
from tests.simulation.network import Endpoint, Link, Network, Trace

ONE, TWO = NodeId("1" * 32), NodeId("2" * 32)


class Listener:
    def __init__(self) -> None:
        self.heard: list[object] = []

    def on_frame(self, node: NodeId, frame: bytes) -> None:
        self.heard.append(frame)

    def on_connected(self, node: NodeId) -> None:
        self.heard.append("connected")

    def on_disconnected(self, node: NodeId) -> None:
        self.heard.append("disconnected")


class Service:
    """Answers a status after a second."""

    async def on_status(self) -> str:
        await trio.sleep(1.0)
        return "well"


@pytest.fixture
def pair(nursery: trio.Nursery, autojump_clock: MockClock) -> tuple[Network, Listener, Listener, trio.Nursery]:
    network = Network(Random(5), nursery, Trace())
    one, two = Listener(), Listener()
    service: Any = Service()
    network.start(ONE, Endpoint(service, one, nursery))
    network.start(TWO, Endpoint(service, two, nursery))
    return network, one, two, nursery


async def test_frames_arrive_in_order(pair: Any, autojump_clock: MockClock) -> None:
    network, _, two, _ = pair
    sent = [b"%d" % number for number in range(200)]
    assert all(network.send(ONE, TWO, frame) for frame in sent)
    await trio.sleep(10.0)
    assert two.heard == ["connected", *sent]


async def test_a_cut_loses_what_is_under_way_and_tells_both_ends(pair: Any, autojump_clock: MockClock) -> None:
    network, one, two, _ = pair
    assert network.send(ONE, TWO, b"lost")
    network.cut(TWO)
    assert not network.send(ONE, TWO, b"refused")
    await trio.sleep(1.0)
    network.mend(TWO)
    assert network.send(ONE, TWO, b"heard")
    await trio.sleep(1.0)
    assert two.heard == ["connected", "disconnected", "connected", b"heard"]
    assert one.heard == ["connected", "disconnected", "connected"]


async def test_a_call_is_answered(pair: Any, autojump_clock: MockClock) -> None:
    network = pair[0]
    assert await Link(network, ONE).status(TWO) == "well"


async def test_a_call_to_a_node_that_stops_meanwhile_breaks_off(
    pair: Any, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    network = pair[0]
    scope = trio.CancelScope()
    network.stop(TWO)

    async def live() -> None:
        with scope:
            async with trio.open_nursery() as life:
                service: Any = Service()
                network.start(TWO, Endpoint(service, Listener(), life))
                await trio.sleep_forever()

    nursery.start_soon(live)
    await trio.sleep(0.1)

    async def crash() -> None:
        await trio.sleep(0.5)
        network.stop(TWO)
        scope.cancel()

    nursery.start_soon(crash)
    started = trio.current_time()
    with pytest.raises(Unavailable):
        await Link(network, ONE).status(TWO)
    assert trio.current_time() - started < 1.0


async def test_a_trace_depends_on_what_crossed_and_when(autojump_clock: MockClock) -> None:
    one, two, three = Trace(), Trace(), Trace()
    one.note("frame", 1)
    two.note("frame", 1)
    assert one.hexdigest() == two.hexdigest()
    await trio.sleep(1.0)
    three.note("frame", 1)
    assert one.hexdigest() != three.hexdigest()
