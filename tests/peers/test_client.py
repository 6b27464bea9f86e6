"""Requests end by answer, deadline or loss, and each exactly once."""

import gc

import pytest
import trio

from mys3d.errors import Unavailable
from mys3d.peers import messages
from mys3d.peers.client import Calls
from mys3d.peers.frames import Frame, FrameParser, Kind


class Sent:
    """Stands where the connection is: remembers the frames."""

    def __init__(self, is_full=False):
        self.is_full, self.frames = is_full, []

    def send(self, *pieces):
        self.frames += FrameParser(1000).feed(b"".join(pieces))
        return not self.is_full


@pytest.fixture
def world(room):
    sent = Sent()
    return sent, Calls(room.B, sent)


async def ask(calls, outcomes, name, deadline=1.0):
    try:
        outcomes[name] = await calls.call(Kind.PUSH, deadline, bytes, b"asked")
    except Unavailable as error:
        outcomes[name] = error


async def test_answers_find_their_callers_in_any_order(world, nursery):
    sent, calls = world
    outcomes = {}
    for name in "xyz":
        nursery.start_soon(ask, calls, outcomes, name)
    await trio.testing.wait_all_tasks_blocked()
    for frame in reversed(sent.frames):
        calls.answer(Frame(Kind.REPLY, frame.request, b"%d" % frame.request))
    await trio.testing.wait_all_tasks_blocked()
    assert sorted(outcomes.values()) == [b"1", b"2", b"3"]


async def test_one_acknowledgement_wakes_many(world, nursery):
    sent, calls = world
    outcomes = {}
    for name in range(20):
        nursery.start_soon(ask, calls, outcomes, name)
    await trio.testing.wait_all_tasks_blocked()
    calls.answer(Frame(Kind.PUSHED, 0, messages.pushed([frame.request for frame in sent.frames])))
    await trio.testing.wait_all_tasks_blocked()
    assert len(outcomes) == 20


async def test_the_sweep_gives_up_what_is_late_and_a_late_answer_finds_nobody(world, nursery):
    sent, calls = world
    outcomes = {}
    nursery.start_soon(ask, calls, outcomes, "early", 1.0)
    nursery.start_soon(ask, calls, outcomes, "late", 9.0)
    await trio.testing.wait_all_tasks_blocked()
    calls.sweep(5.0)
    for frame in sent.frames:
        calls.answer(Frame(Kind.REPLY, frame.request, b"answer"))
    await trio.testing.wait_all_tasks_blocked()
    assert "did not answer in time" in str(outcomes["early"]) and outcomes["late"] == b"answer"


async def test_a_lost_connection_ends_every_call(world, nursery):
    _, calls = world
    outcomes = {}
    for name in "xy":
        nursery.start_soon(ask, calls, outcomes, name)
    await trio.testing.wait_all_tasks_blocked()
    calls.fail("it broke")
    await trio.testing.wait_all_tasks_blocked()
    assert all("it broke" in str(outcome) for outcome in outcomes.values()) and len(outcomes) == 2


async def test_a_call_that_failed_keeps_nothing_of_what_it_sent(world, nursery):
    """Not even until cycles are collected."""
    _, calls = world
    sent = bytearray(b"a blob")

    async def push():
        with pytest.raises(Unavailable):
            await calls.call(Kind.PUSH, 1.0, bytes, memoryview(sent))

    gc.disable()
    try:
        nursery.start_soon(push)
        await trio.testing.wait_all_tasks_blocked()
        calls.fail("it broke")
        await trio.testing.wait_all_tasks_blocked()
        sent.append(0)  # a BufferError while somebody can see it
    finally:
        gc.enable()


async def test_a_full_queue_is_unavailable(room):
    with pytest.raises(Unavailable, match="does not keep up"):
        await Calls(room.B, Sent(is_full=True)).call(Kind.PUSH, 1.0, bytes)


@pytest.mark.parametrize("frame", [Frame(Kind.REPLY, 1, b"\xc1"), Frame(Kind.FAILED, 1, b"\xc1")])
async def test_an_answer_that_cannot_be_read_is_unavailable(world, nursery, frame):
    _, calls = world
    async with trio.open_nursery() as inner:

        async def ask():
            with pytest.raises(Unavailable, match="does not read"):
                await calls.call(Kind.STATUS, 1.0, messages.parse_status)

        inner.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        calls.answer(frame)


async def test_a_malformed_acknowledgement_is_the_connections_fault(world):
    with pytest.raises(ValueError, match="4 bytes each"):
        world[1].answer(Frame(Kind.PUSHED, 0, b"abc"))
