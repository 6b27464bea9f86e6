"""The budget of body buffers."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.errors import Unavailable

MIB = limits.MIB


async def test_bytes_that_are_free_are_taken_at_once() -> None:
    budget = BufferBudget(8 * MIB)
    assert budget.take_now(8 * MIB)
    assert not budget.take_now(1)
    budget.give(8 * MIB)
    assert budget.free_bytes == 8 * MIB


async def test_waiters_are_served_in_order_of_arrival(nursery: trio.Nursery) -> None:
    budget = BufferBudget(8 * MIB)
    assert budget.take_now(8 * MIB)
    served = []

    async def take(name: str, size: int) -> None:
        await budget.take(size)
        served.append(name)

    nursery.start_soon(take, "large", 6 * MIB)
    await wait_all_tasks_blocked()
    nursery.start_soon(take, "small", 1)
    await wait_all_tasks_blocked()
    budget.give(1 * MIB)
    await wait_all_tasks_blocked()
    assert served == []  # the small one would fit, but it came later
    budget.give(5 * MIB)
    await wait_all_tasks_blocked()
    assert served == ["large"]
    budget.give(1)
    await wait_all_tasks_blocked()
    assert served == ["large", "small"]


async def test_a_taker_that_comes_while_others_wait_takes_nothing_at_once(nursery: trio.Nursery) -> None:
    budget = BufferBudget(8 * MIB)
    assert budget.take_now(7 * MIB)
    nursery.start_soon(budget.take, 2 * MIB)
    await wait_all_tasks_blocked()
    assert not budget.take_now(1)
    budget.give(7 * MIB)


async def test_a_wait_that_is_too_long_ends_in_unavailable(autojump_clock: MockClock) -> None:
    budget = BufferBudget(4 * MIB)
    assert budget.take_now(4 * MIB)
    started = trio.current_time()
    with pytest.raises(Unavailable, match="body buffers"):
        await budget.take(1)
    assert trio.current_time() - started == limits.buffer_wait_seconds
    budget.give(4 * MIB)
    assert budget.take_now(4 * MIB)


async def test_a_cancelled_waiter_leaves_the_line_and_lets_the_next_one_in(nursery: trio.Nursery) -> None:
    budget = BufferBudget(4 * MIB)
    assert budget.take_now(3 * MIB)
    scope = trio.CancelScope()

    async def give_up() -> None:
        with scope:
            await budget.take(4 * MIB)

    nursery.start_soon(give_up)
    await wait_all_tasks_blocked()
    nursery.start_soon(budget.take, 1 * MIB)
    await wait_all_tasks_blocked()
    scope.cancel()
    await wait_all_tasks_blocked()
    assert budget.free_bytes == 0
    budget.give(4 * MIB)
    assert budget.free_bytes == 4 * MIB


async def test_bytes_served_to_a_waiter_that_was_cancelled_at_that_moment_come_back(nursery: trio.Nursery) -> None:
    budget = BufferBudget(4 * MIB)
    assert budget.take_now(4 * MIB)
    scope = trio.CancelScope()

    async def give_up() -> None:
        with scope:
            await budget.take(4 * MIB)

    nursery.start_soon(give_up)
    await wait_all_tasks_blocked()
    scope.cancel()
    budget.give(4 * MIB)
    await wait_all_tasks_blocked()
    assert budget.free_bytes in (0, 4 * MIB)
    assert budget.free_bytes == (0 if not scope.cancelled_caught else 4 * MIB)


def test_giving_back_twice_is_a_broken_promise() -> None:
    budget = BufferBudget(4 * MIB)
    with pytest.raises(AssertionError, match="given back twice"):
        budget.give(1)
