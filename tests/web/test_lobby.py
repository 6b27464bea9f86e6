"""Who is cut, and when; who comes in, and who makes place."""

import math

import pytest
import trio
from structlog.testing import capture_logs

from mys3d import limits
from mys3d.web.deadlines import Deadlines
from mys3d.web.lobby import Guest, Lobby


def guest_of(lobby: Lobby, due: float = math.inf, is_idle: bool = False) -> Guest:
    guest = Guest()
    guest.due, guest.is_idle = due, is_idle
    assert lobby.enter(guest)
    return guest


def waiting_in(lobby: Lobby, since: float) -> Guest:
    guest = guest_of(lobby)
    lobby.waiting[guest] = since
    return guest


async def test_closing_cancels_who_is_idle_and_nobody_else() -> None:
    lobby = Lobby(Deadlines())
    idle, working = guest_of(lobby, is_idle=True), guest_of(lobby)
    lobby.close()
    assert idle.scope.cancel_called
    assert not working.scope.cancel_called
    assert lobby.is_closing


async def test_a_sweep_cuts_who_is_due() -> None:
    lobby = Lobby(Deadlines())
    late, early = guest_of(lobby, due=5), guest_of(lobby, due=6)
    lobby.sweep(5.5)
    assert late.scope.cancel_called
    assert not early.scope.cancel_called


async def test_who_has_left_is_not_cut() -> None:
    lobby = Lobby(Deadlines())
    guest = guest_of(lobby, due=5, is_idle=True)
    lobby.waiting[guest] = 0
    lobby.leave(guest)
    lobby.leave(guest)
    lobby.sweep(6)
    lobby.close()
    assert not guest.scope.cancel_called
    assert lobby.is_empty


async def test_the_keeper_sweeps_at_every_tick(nursery: trio.Nursery, autojump_clock: object) -> None:
    lobby = Lobby(Deadlines())
    nursery.start_soon(lobby.keep)
    guest = guest_of(lobby, due=trio.current_time() + 10)
    await trio.sleep(9.9)
    assert not guest.scope.cancel_called
    await trio.sleep(0.2 + lobby.deadlines.tick)
    assert guest.scope.cancel_called
    nursery.cancel_scope.cancel()


async def test_a_full_house_lets_nobody_in_while_all_are_at_work(autojump_clock: object) -> None:
    lobby = Lobby(Deadlines(), 2)
    first, second, third = guest_of(lobby), guest_of(lobby), Guest()
    with capture_logs() as lines:
        assert not lobby.enter(third)
    assert "more connections" in lines[0]["event"]
    assert not first.scope.cancel_called
    assert not lobby.is_empty
    for guest in (third, second, first):
        lobby.leave(guest)
    assert lobby.is_empty


async def test_who_has_waited_longest_makes_place(autojump_clock: object) -> None:
    lobby = Lobby(Deadlines(rest=1), 3)
    working, longest, other = guest_of(lobby), waiting_in(lobby, 0), waiting_in(lobby, 1)
    await trio.sleep(10)
    assert lobby.enter(Guest())
    assert [guest.scope.cancel_called for guest in (working, longest, other)] == [False, True, False]
    assert lobby.enter(Guest())
    assert other.scope.cancel_called
    assert not lobby.enter(Guest())
    assert not working.scope.cancel_called


async def test_who_has_only_just_begun_to_wait_makes_no_place(autojump_clock: object) -> None:
    lobby = Lobby(Deadlines(rest=1), 1)
    guest = waiting_in(lobby, trio.current_time())
    assert not lobby.enter(Guest())
    await trio.sleep(1)
    assert lobby.enter(Guest())
    assert guest.scope.cancel_called


async def test_a_few_are_told_that_there_is_no_place_and_the_others_are_not() -> None:
    lobby = Lobby(Deadlines(), 1)
    guest_of(lobby)
    told = []
    for _ in range(limits.turned_away_max + 2):
        assert not lobby.enter(Guest())
        told.append(lobby.hears_refusals)
    assert told == [True] * limits.turned_away_max + [False] * 2


@pytest.mark.parametrize("is_served", [True, False])
async def test_a_place_is_free_again_once_it_was_left(is_served: bool) -> None:
    lobby = Lobby(Deadlines(), 1)
    first, second = guest_of(lobby), Guest()
    assert not lobby.enter(second)
    lobby.leave(first if is_served else second)
    assert lobby.enter(Guest()) is is_served
