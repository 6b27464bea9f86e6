"""The heartbeat of the engine: one cycle after the other.        Floor: driver. Called by: consensus.

A cycle, woken by a frame, a proposal or an apply (50 ms otherwise, 200 ms when nobody waits for one): deliver the
inbox -> tick -> send what promises nothing -> one journal sync in a thread -> send what promised it.
Law: no message is handled while a sync runs, so our own entry is on disk before anything counts it; replication to the
followers overlaps the sync. A leader whose disk is slow hands over; while its sync hangs only heartbeats leave.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import trio

from mys3d import limits
from mys3d.consensus import messages
from mys3d.consensus.anatomy import append_entries_seconds
from mys3d.consensus.disk import Work
from mys3d.consensus.raft import Raft
from mys3d.model.names import NodeId
from mys3d.ports import Clock

busy_seconds: Final = 0.05  # a cycle begins at least this often while somebody waits for one,
quiet_seconds: Final = 0.2  # ... or for the next heartbeat
sync_seconds_max: Final = 0.5  # a leader whose sync takes longer hands over
hang_seconds: Final = 1.0  # whoever waits for the next cycle is told when it does not come for longer
beats_seconds_max: Final = 2.0  # a sync may hang for this long before the followers are left to elect another leader
OPENED: Final = b"opened"  # lane events share the inbox, so that they keep their order among the frames
CLOSED: Final = b"closed"

_threads: Final = trio.CapacityLimiter(8)  # not the shared pool: blob traffic must not delay a journal sync

Sync = Callable[[Callable[[], None]], Awaitable[None]]
T = TypeVar("T")


async def in_thread(work: Callable[[], None]) -> None:
    """Run blocking disk work off the loop: the one place where the consensus uses a thread for its journal."""
    await trio.to_thread.run_sync(work, limiter=_threads)


async def result_of(sync: Sync, work: Callable[[], T]) -> T:
    """Run blocking work through the same seam, and return what it returns."""
    found = list[T]()
    await sync(lambda: found.append(work()))
    return found[0]


@dataclass(slots=True)
class Ticker:
    """Owns the inbox and the order of a cycle. `after_tick` runs before anything of the cycle is sent."""

    raft: Raft
    clock: Clock
    sync: Sync
    after_tick: Callable[[], None]
    after_sync: Callable[[], None]
    is_quiet: Callable[[], bool] = lambda: False  # nobody waits for a cycle
    on_hang: Callable[[], None] = lambda: None  # called by each beat while no cycle begins
    cycles: int = 0
    frames_dropped: int = 0  # inbox full, unknown sender, or not a message
    longest_tick: float = 0.0
    is_disk_slow: bool = False  # the last sync took longer than a leader's should
    _inbox: deque[tuple[NodeId, bytes]] = field(default_factory=deque)
    _inbox_bytes: int = 0
    _wake: trio.Event = field(default_factory=trio.Event)
    _hurry: trio.Event | None = None  # None: no long rest of `beat` is to be ended
    _began_at: float = 0.0  # when the last cycle began
    _writing_since: float | None = None  # None: no sync is under way
    _interlude: tuple[Callable[[], Awaitable[None]], trio.Event] | None = None

    def wake(self) -> None:
        """Begin a cycle, and have `beat` rest no longer than while somebody waits."""
        self._wake.set()
        if self._hurry is not None:
            self._hurry.set()

    def hear(self, node: NodeId, frame: bytes) -> None:
        """Take a frame, or OPENED or CLOSED, from the wire."""
        is_full = (
            len(self._inbox) >= limits.peer_queue_frames_max or self._inbox_bytes + len(frame) > limits.inbox_bytes_max
        )
        if is_full and frame is not OPENED and frame is not CLOSED:
            self.frames_dropped += 1  # Raft recovers as from a lost lane
            return
        self._inbox.append((node, frame))
        self._inbox_bytes += len(frame)
        if frame is CLOSED:
            self.wake()  # it may be the leader's lane: an election is near
        else:
            self._wake.set()

    async def run(self) -> None:
        while True:
            if not self._wake.is_set():
                await self._wake.wait()
            self._wake = trio.Event()
            work = self.begin()
            if work is not None:
                await self._write(work)
            self.finish(work)
            if self._interlude is not None:
                (interlude, done), self._interlude = self._interlude, None
                await interlude()
                done.set()
            await trio.lowlevel.checkpoint()

    async def beat(self) -> None:
        """Wake `run` when nothing else does. A deadline for each of its waits would cost 12 us a cycle.

        While a leader's sync hangs, say that it lives; not for long, or nobody would take its place. Heartbeats promise
        nothing, so they may leave before the sync ends. Their answers wait in the inbox.
        """
        told_at = 0.0
        while True:
            await self._rest()
            since, now = self._writing_since, self.clock.monotonic()
            if now - self._began_at > hang_seconds:
                self.on_hang()
            if since is None:
                self._wake.set()
                continue
            is_due = now - max(since, told_at) >= append_entries_seconds
            if is_due and now - since <= beats_seconds_max:
                told_at = now
                self.raft.send_heartbeats()
                self.raft.transport.flush_now()

    async def _rest(self) -> None:
        if not self.is_quiet():
            await trio.sleep(busy_seconds)
            return
        self._hurry = trio.Event()
        with trio.move_on_after(quiet_seconds):
            await self._hurry.wait()
        self._hurry = None

    async def between_cycles(self, work: Callable[[], Awaitable[None]]) -> None:
        """Have `work` run while no cycle does: nothing is heard, ticked, sent or written meanwhile."""
        assert self._interlude is None, "one interlude at a time"
        done = trio.Event()
        self._interlude = (work, done)
        self._wake.set()
        await done.wait()

    def begin(self) -> Work | None:
        """The first half of a cycle. Returns what must be written before `finish`, None when nothing."""
        started = self._began_at = self.clock.monotonic()
        self._deliver()
        if self.is_disk_slow and self.raft.hand_over():  # now that the acknowledgements of the slow sync are in
            self.is_disk_slow = False
        self.raft.tick()
        self.after_tick()
        self.raft.transport.flush_now()
        self.cycles += 1
        self.longest_tick = max(self.longest_tick, self.clock.monotonic() - started)
        return self.raft.log.take() if self.raft.log.is_dirty else None

    def finish(self, work: Work | None) -> None:
        """The second half: the journal holds `work`."""
        if work is not None:
            self.raft.log.wrote(work)
        self.raft.transport.flush_gated()
        self.after_sync()
        if self.raft.has_more_to_do() or self._inbox:
            self._wake.set()

    async def _write(self, work: Work) -> None:
        started = self._writing_since = self.clock.monotonic()
        await self.sync(lambda: self.raft.log.disk.write(work))
        self._writing_since = None
        self.is_disk_slow = self.clock.monotonic() - started > sync_seconds_max

    def _deliver(self) -> None:
        """Handle what has arrived up to now."""
        for _ in range(len(self._inbox)):
            node, frame = self._inbox.popleft()
            self._inbox_bytes -= len(frame)
            if frame is OPENED:
                self.raft.lane_opened(node)
            elif frame is CLOSED:
                self.raft.lane_closed(node)
            elif not self.raft.transport.knows(node):
                self.frames_dropped += 1
            else:
                self._receive(node, frame)

    def _receive(self, node: NodeId, frame: bytes) -> None:
        try:
            message = messages.decode(frame)
        except ValueError:
            self.frames_dropped += 1
            return
        self.raft.receive(node, message)
