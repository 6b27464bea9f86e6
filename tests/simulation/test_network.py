"""The simulated connections keep the order of frames and tell whoever dialled when they break."""

from random import Random
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mys3d import limits
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
async def pair(nursery: trio.Nursery, autojump_clock: MockClock) -> Any:
    network = Network(Random(5), nursery, Trace())
    one, two = Listener(), Listener()
    service: Any = Service()
    network.start(ONE, Endpoint(service, one, nursery, None))
    network.start(TWO, Endpoint(service, two, nursery, None))
    await trio.sleep(1.0)
    for way in (network.way(ONE, TWO), network.way(TWO, ONE)):
        way.break_chance = 0.0
    return network, one, two


async def test_frames_arrive_in_order(pair: Any, autojump_clock: MockClock) -> None:
    network, _, two = pair
    sent = [b"%d" % number for number in range(200)]
    assert all(network.send(ONE, TWO, frame) for frame in sent)
    await trio.sleep(10.0)
    assert two.heard == ["connected", *sent]


async def test_a_broken_connection_loses_its_frames_and_leaves_the_other_direction(
    pair: Any, autojump_clock: MockClock
) -> None:
    network, one, two = pair
    assert network.send(ONE, TWO, b"lost") and network.send(TWO, ONE, b"kept")
    network.shake(ONE, TWO, 1)
    await trio.sleep(5.0)
    assert network.send(ONE, TWO, b"heard")
    await trio.sleep(1.0)
    assert two.heard == ["connected", b"heard"]
    assert sorted(map(str, one.heard)) == ["b'kept'", "connected", "connected", "disconnected"]


async def test_a_blocked_way_holds_frames_back_and_after_silence_both_hang_up(
    pair: Any, autojump_clock: MockClock
) -> None:
    network, one, two = pair
    network.block(ONE, TWO)
    assert network.send(ONE, TWO, b"late") and network.send(TWO, ONE, b"passes")
    await trio.sleep(1.0)
    assert two.heard == ["connected"] and b"passes" in one.heard
    network.open(ONE, TWO)
    await trio.sleep(1.0)
    assert two.heard == ["connected", b"late"]
    network.block(ONE, TWO)
    assert network.send(ONE, TWO, b"lost")
    await trio.sleep(limits.peer_silence_seconds + 1.0)
    assert not network.is_linked(ONE, TWO) and not network.is_linked(TWO, ONE)
    network.open(ONE, TWO)
    await trio.sleep(1.0)
    assert network.is_linked(ONE, TWO) and network.is_linked(TWO, ONE)
    assert two.heard == ["connected", b"late", "disconnected", "connected"]


async def test_what_is_dropped_is_lost_without_a_word_or_refused(pair: Any, autojump_clock: MockClock) -> None:
    network, _, two = pair
    network.way(ONE, TWO).drop_chance = 0.5
    told = [network.send(ONE, TWO, b"%d" % number) for number in range(100)]
    await trio.sleep(10.0)
    assert 20 < len(two.heard) < 80, "about half arrive"
    assert sum(told) > len(two.heard) - 1, "some of those that were lost had been taken"
    assert not all(told)


async def test_a_call_is_answered(pair: Any, autojump_clock: MockClock) -> None:
    assert await Link(pair[0], ONE).status(TWO) == "well"


async def test_a_call_over_a_blocked_way_ends_at_its_deadline(pair: Any, autojump_clock: MockClock) -> None:
    network = pair[0]
    network.block(TWO, ONE)  # the question arrives, the answer does not
    started = trio.current_time()
    with pytest.raises(Unavailable):
        await Link(network, ONE).status(TWO)
    assert trio.current_time() - started == pytest.approx(limits.status_deadline_seconds)


async def test_a_call_to_a_node_that_stops_meanwhile_breaks_off(
    pair: Any, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    network = pair[0]

    async def crash() -> None:
        await trio.sleep(0.5)
        network.stop(TWO)

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
