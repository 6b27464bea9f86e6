"""Idle connections at the end of the house."""

import trio

from mys3d.web.lobby import Lobby


async def test_closing_cancels_who_waits_and_nobody_else() -> None:
    lobby, waiting, working = Lobby(), trio.CancelScope(), trio.CancelScope()
    lobby.enter(waiting)
    lobby.enter(working)
    lobby.leave(working)
    lobby.close()
    assert waiting.cancel_called
    assert not working.cancel_called


async def test_who_comes_after_closing_is_cancelled_too() -> None:
    lobby, late = Lobby(), trio.CancelScope()
    lobby.close()
    lobby.enter(late)
    assert late.cancel_called


async def test_leaving_twice_is_harmless() -> None:
    lobby, scope = Lobby(), trio.CancelScope()
    lobby.leave(scope)
    lobby.enter(scope)
    lobby.leave(scope)
    lobby.leave(scope)
    lobby.close()
    assert not scope.cancel_called
