"""Who is served when there are more requests than places, and who waits in vain."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from mys3d.errors import Unavailable
from mys3d.web.turns import Turn, Turns

Line = Callable[..., Awaitable[None]]


@pytest.fixture
def turns() -> Turns:
    """Two places, both taken."""
    turns = Turns(2, wait_seconds=5)
    assert turns.take_now()
    assert turns.take_now()
    return turns


@pytest.fixture
def served() -> list[str]:
    return []


@pytest.fixture
def line_up(turns: Turns, served: list[str], nursery: trio.Nursery) -> Line:
    """Have each of some clients wait, in order; a name is a client and anything."""

    async def wait(name: str) -> None:
        await turns.take(name[0])
        served.append(name)

    async def line(*names: str) -> None:
        for name in names:
            nursery.start_soon(wait, name)
            await wait_all_tasks_blocked()

    return line


async def given(turns: Turns, count: int) -> None:
    for _ in range(count):
        turns.give()
        await wait_all_tasks_blocked()


def test_there_are_no_more_places_than_there_are(turns: Turns) -> None:
    assert not turns.take_now()
    turns.give()
    assert turns.take_now()


async def test_a_free_place_is_taken_without_a_wait(turns: Turns) -> None:
    turns.give()
    with trio.testing.assert_no_checkpoints():
        await turns.take("a")
    assert turns.free_count == 0


async def test_one_client_is_served_in_the_order_in_which_it_came(
    turns: Turns, served: list[str], line_up: Line
) -> None:
    await line_up("a1", "a2", "a3")
    await given(turns, 3)
    assert served == ["a1", "a2", "a3"]
    assert turns.free_count == 0


async def test_clients_take_turns_however_many_requests_one_of_them_has(
    turns: Turns, served: list[str], line_up: Line
) -> None:
    await line_up("a1", "a2", "a3", "a4", "b1", "c1", "b2")
    await given(turns, 7)
    assert served == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


async def test_nobody_overtakes_those_who_wait(turns: Turns, served: list[str], line_up: Line) -> None:
    await line_up("a1")
    turns.give()
    assert not turns.take_now()
    await wait_all_tasks_blocked()
    assert served == ["a1"]


async def test_a_wait_ends_in_a_refusal_and_leaves_nothing_behind(turns: Turns, autojump_clock: object) -> None:
    before = trio.current_time()
    with pytest.raises(Unavailable):
        await turns.take("a")
    assert trio.current_time() - before == 5
    turns.give()
    assert turns.free_count == 1


async def test_who_leaves_the_line_holds_nobody_up(turns: Turns, served: list[str], line_up: Line) -> None:
    with trio.move_on_after(0):
        await turns.take("a")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.take, "a")
        await line_up("a2", "b1")
        nursery.cancel_scope.cancel()
    await given(turns, 2)
    assert served == ["a2", "b1"]


async def test_a_place_given_to_one_who_leaves_goes_to_the_next(turns: Turns, served: list[str], line_up: Line) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.take, "a")
        await line_up("b1")
        nursery.cancel_scope.cancel()
        turns.give()
    await wait_all_tasks_blocked()
    assert served == ["b1"]
    turns.give()
    assert turns.free_count == 1


async def test_who_steps_aside_lets_the_next_one_in(turns: Turns, served: list[str], line_up: Line) -> None:
    turn = Turn(turns)
    await line_up("a1")
    for _ in range(2):  # it steps aside once
        turn.step_aside()
        await wait_all_tasks_blocked()
    assert served == ["a1"]
    turn.end()
    assert turns.free_count == 0


def test_a_place_is_given_back_once(turns: Turns) -> None:
    aside, other = Turn(turns), Turn(turns)
    aside.step_aside()
    assert turns.free_count == 1
    aside.end()
    other.end()
    assert turns.free_count == 2


def test_no_more_step_aside_than_may() -> None:
    turns = Turns(3, aside_max=1)
    every = [Turn(turns) for _ in range(3)]
    assert [turns.take_now() for _ in every] == [True] * 3
    for turn in every:
        turn.step_aside()
    assert (turns.free_count, turns.aside_free_count) == (1, 0)
    for turn in every:
        turn.end()
    assert (turns.free_count, turns.aside_free_count) == (3, 1)


def test_there_has_to_be_a_place() -> None:
    with pytest.raises(AssertionError):
        Turns(0)
