"""Threads, played by tasks: a seed can repeat their order.        Floor: tests. Called by: machine's patches.

Law: what runs in a thread blocks nobody and is not cancelled with whoever waits for it; only a crash of its node
ends it, in the middle of any call that reaches the disk. What it does happens at some moment of the time it takes: a
crash finds it done or not.
"""

import queue
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Protocol

import outcome
import trio

from mys3d.blobs.committer import Committer
from mys3d.blobs.directory import NewBlob
from tests.simulation.files import Disk, PowerCut

START_SECONDS = 0.0002  # mean time until a thread runs


class Host(Protocol):
    """The node whose task is running."""

    disk: Disk
    nursery: trio.Nursery
    waits: dict[trio.CancelScope, None]  # ended by a crash, and by nothing else


HERE: ContextVar[Host | None] = ContextVar("HERE", default=None)


async def run_sync(function: Callable[..., object], *arguments: object, limiter: object = None, **_: object) -> object:
    """`trio.to_thread.run_sync`."""
    host = HERE.get()
    if host is None:
        await trio.lowlevel.checkpoint()
        return function(*arguments)
    if isinstance(limiter, trio.CapacityLimiter):
        async with limiter:
            return await _run(host, lambda: function(*arguments))
    return await _run(host, lambda: function(*arguments))


async def _run(host: Host, function: Callable[[], object]) -> object:
    await trio.lowlevel.checkpoint_if_cancelled()
    disk = host.disk
    await _pass(host, disk.dice.random() * disk.dice.expovariate(1 / disk.trouble.sync_seconds))
    disk.owed_seconds = 0.0
    result = outcome.capture(function)
    if isinstance(result, outcome.Error) and isinstance(result.error, PowerCut):
        raise PowerCut
    await _pass(host, disk.dice.random() * disk.owed_seconds)
    return result.unwrap()


async def _pass(host: Host, seconds: float) -> None:
    """Let time pass, whoever cancels us, until the node crashes."""
    life = host.disk.life
    with trio.CancelScope(shield=True) as scope:
        host.waits[scope] = None
        try:
            await trio.sleep(seconds)
        finally:
            del host.waits[scope]
    if not host.disk.is_on or host.disk.life != life:
        raise PowerCut


class LoopCommitter(Committer):
    """`blobs.committer.Committer` with a task for its thread."""

    def __init__(self, commit: Callable[[Sequence[NewBlob]], None]) -> None:
        super().__init__(commit)
        self._queue = _Queue(self._start_working)
        self._is_working = False

    def start(self) -> None:
        host = HERE.get()
        assert host is not None, "a committer belongs to a node"
        self._host = host

    async def stop(self) -> None:
        while self._is_working and self._host.disk.is_on:  # noqa: ASYNC110 # as a join of the thread
            await trio.sleep(START_SECONDS)

    def _start_working(self) -> None:
        if not self._is_working:
            self._is_working = True
            self._host.nursery.start_soon(self._work)

    async def _work(self) -> None:
        HERE.set(self._host)
        try:
            while self._queue.items:
                await self._commit_some()
        finally:
            self._is_working = False

    async def _commit_some(self) -> None:
        await _pass(self._host, self._host.disk.dice.expovariate(1 / START_SECONDS))
        batch = self._take()
        blobs = [write.blob for write in batch]

        def commit() -> outcome.Maybe[None]:
            result = outcome.capture(self._commit, blobs)
            if isinstance(result, outcome.Value):
                self._host.laws.synced(self._host.id, [blob.digest for blob in blobs])
            return result

        result = await _run(self._host, commit)
        if isinstance(result, outcome.Error) and isinstance(result.error, PowerCut):
            raise PowerCut
        self._wake(batch, result)


class _Queue:
    """`queue.SimpleQueue` for one consumer that looks only when there is something."""

    def __init__(self, on_put: Callable[[], None]) -> None:
        self.items: list[object] = []
        self._on_put = on_put

    def put(self, item: object) -> None:
        self.items.append(item)
        self._on_put()

    def get(self) -> object:
        return self.items.pop(0)

    def get_nowait(self) -> object:
        if not self.items:
            raise queue.Empty
        return self.items.pop(0)
