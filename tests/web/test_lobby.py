"""Who is cut, and when."""

import math

import trio

from mys3d.web.deadlines import Deadlines
from mys3d.web.lobby import Guest, Lobby


def guest_of(lobby: Lobby, due: float = math.inf, is_idle: bool = False) -> Guest:
    guest = Guest()
    guest.due, guest.is_idle = due, is_idle
    lobby.enter(guest)
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
    lobby.leave(guest)
    lobby.leave(guest)
    lobby.sweep(6)
    lobby.close()
    assert not guest.scope.cancel_called


async def test_the_keeper_sweeps_at_every_tick(nursery: trio.Nursery, autojump_clock: object) -> None:
    lobby = Lobby(Deadlines())
    nursery.start_soon(lobby.keep)
    guest = guest_of(lobby, due=trio.current_time() + 10)
    await trio.sleep(9.9)
    assert not guest.scope.cancel_called
    await trio.sleep(0.2 + lobby.deadlines.tick)
    assert guest.scope.cancel_called
    nursery.cancel_scope.cancel()
