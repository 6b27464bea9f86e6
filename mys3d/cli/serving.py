"""Running one node until it is told to stop.        Floor: top. Called by: start, join.

Law: SIGTERM, Ctrl-C and, for a node of `mys3d dev`, the end of its supervisor all stop a node in good order.
"""

import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import trio

from mys3d import limits
from mys3d.cli.allocator import bound_heaps, give_back
from mys3d.cli.failure import Failure, as_failures
from mys3d.errors import OutcomeUnknown, Rejected, Unavailable


def run_until_stopped(node: Callable[[], Awaitable[None]], *, until_stdin_closes: bool) -> None:
    """Run `node` to its end. What an operator can mend ends the command with one sentence."""
    bound_heaps()
    _spare_the_collector()
    with as_failures(OSError, ExceptionGroup, Failure, OutcomeUnknown, Rejected, Unavailable):
        trio.run(_serve, node, until_stdin_closes)


def _spare_the_collector() -> None:
    """Have the collector of cycles pass over all that was imported, which lives as long as the process anyway.

    A page of 1,000 keys makes enough objects to set it off, and looking through 350,000 others stopped the node for
    80 ms. A list costs 0.71 of the CPU, its p99 was 108 ms and is 25; a PUT costs the same. What a node makes later is
    not passed over: a damaged store has to be let go.
    """
    gc.collect()
    gc.freeze()


async def _serve(node: Callable[[], Awaitable[None]], until_stdin_closes: bool) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_on_signal, signals, nursery.cancel_scope)
            if until_stdin_closes:
                nursery.start_soon(_cancel_when_stdin_closes, nursery.cancel_scope)
            nursery.start_soon(_give_memory_back)
            await node()
            nursery.cancel_scope.cancel()


async def _give_memory_back() -> None:
    """On the loop, although it takes some milliseconds: whoever wants memory meanwhile waits for it anyway."""
    can_give = True
    while can_give:
        await trio.sleep(limits.give_back_seconds)
        can_give = give_back()


async def _cancel_on_signal(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for _ in signals:
        scope.cancel()


async def _cancel_when_stdin_closes(scope: trio.CancelScope) -> None:
    """A supervisor holds the other end of our standard input and never writes: the end of it is its death."""
    stream = trio.lowlevel.FdStream(os.dup(sys.stdin.fileno()))
    async with stream:
        while await stream.receive_some(1024):
            pass
    scope.cancel()
