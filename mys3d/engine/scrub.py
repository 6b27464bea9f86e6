"""Every blob read again, so that rot is found while another copy is sound.        Floor: engine. Called by: node.

Law: a round reads everything that was held all the time, over restarts too; what it finds damaged is held no longer and
on the repair queue before the round goes on. It never takes more than half of a disk's time, and by itself no more than
its rate. A round begins every 14 days, and whenever an operator says so.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog
import trio

from mys3d import limits
from mys3d.engine.homes import is_home, present_layout
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import partition_of
from mys3d.model.names import Instant
from mys3d.model.scrub import ScrubAction, ScrubNote, ScrubReport, ScrubState
from mys3d.ports import Ports, Verification
from mys3d.registry import queries

Load = Callable[[], Awaitable[bytes | None]]  # None: nothing was noted yet
Save = Callable[[bytes], Awaitable[None]]  # whole or not at all; raises Unavailable

log = structlog.get_logger("mys3d.scrub")

replace = msgspec.structs.replace


class Scrub:
    """The scrub of one node. `load` and `save` keep its note."""

    def __init__(self, ports: Ports, load: Load, save: Save) -> None:
        self._ports: Final = ports
        self._load: Final = load
        self._save: Final = save
        self._note = ScrubNote()
        self._rest_until = 0.0  # trio time of the next step
        self._saved_at = 0.0
        self._changed = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Scrub until cancelled."""
        self._note = _parse(await self._load())
        now = self._ports.clock.now()
        if not 0 < self._note.began_at <= now:  # a new node, or a clock that was set back: a round is due in a cycle
            self._note = replace(self._note, began_at=now)
        self._saved_at = trio.current_time()
        task_status.started()
        while True:
            self._settle()
            seconds = self._seconds_to_wait()
            if seconds > 0:
                self._changed = trio.Event()
                with trio.move_on_after(min(seconds, limits.scrub_look_seconds) if self._note.open else seconds):
                    await self._changed.wait()
            elif self._note.is_running:
                await self._step()
            else:
                await self._begin(is_fast=False)

    async def act(self, action: ScrubAction) -> ScrubReport:
        """Do what an operator asks, and tell how things are."""
        now = self._ports.clock.now()
        if action is ScrubAction.START and not (self._note.is_running and self._note.is_fast):
            await self._begin(is_fast=True)
        elif action is ScrubAction.PAUSE:
            await self._keep(replace(self._note, paused_until=Instant(now + limits.scrub_pause_ms_max)))
        elif action in (ScrubAction.RESUME, ScrubAction.START):
            await self._keep(replace(self._note, paused_until=Instant(0)))
        self._settle()
        return self.report()

    def report(self) -> ScrubReport:
        note, now = self._note, self._ports.clock.now()
        is_paused = note.paused_until > now
        progress = self._progress() if note.is_running else 0.0
        next_at = note.paused_until if is_paused else self._next_round_at()
        return ScrubReport(
            state=ScrubState.PAUSED if is_paused else ScrubState.RUNNING if note.is_running else ScrubState.WAITING,
            is_fast=note.is_fast,
            blobs_count=note.blobs_count,
            bytes_count=note.bytes_count,
            progress=progress,
            eta_seconds=self._eta_seconds(progress) if note.is_running else 0,
            next_at=Instant(0) if note.is_running and not is_paused else next_at,
            finished_at=note.finished_at,
            found_count=note.found_count,
            healed_count=note.healed_count,
            open_count=len(note.open),
        )

    def _seconds_to_wait(self) -> float:
        now = self._ports.clock.now()
        if self._note.paused_until > now:
            return (self._note.paused_until - now) / 1000
        if self._note.is_running:
            return self._rest_until - trio.current_time()
        return (self._next_round_at() - now) / 1000

    def _next_round_at(self) -> Instant:
        return Instant(self._note.began_at + limits.scrub_cycle_ms)

    async def _begin(self, *, is_fast: bool) -> None:
        """Begin a round at the first blob, once the rows of the registry were read."""
        try:
            await self._ports.registry.prove()
        except Unavailable as error:  # damaged: the node makes its rows anew
            log.warning("scrub.registry", why=str(error))
        log.info("scrub.begins", is_fast=is_fast)
        self._rest_until = 0.0
        began = replace(self._note, is_running=True, is_fast=is_fast, began_at=self._ports.clock.now(), cursor="")
        await self._keep(replace(began, blobs_count=0, bytes_count=0, paused_until=Instant(0)))

    async def _step(self) -> None:
        """Verify some blobs, then rest as the rate demands, and at least for as long as it took."""
        cursor, started = self._note.cursor, trio.current_time()
        found = await self._ports.blobs.verify(cursor, limits.scrub_step_bytes)
        if self._note.cursor != cursor or not self._note.is_running:
            self._note_damage(found)  # a new round was begun meanwhile: it reads these again
            return
        now = trio.current_time()
        self._rest_until = now + max(now - started, found.bytes_count / self._rate())
        self._note = replace(
            self._note,
            cursor=found.after or "",
            blobs_count=self._note.blobs_count + found.blobs_count,
            bytes_count=self._note.bytes_count + found.bytes_count,
        )
        self._note_damage(found)
        if found.after is None:
            await self._finish()
        elif found.damaged or now - self._saved_at >= limits.scrub_checkpoint_seconds:
            await self._keep(self._note)

    async def _finish(self) -> None:
        note = self._note
        log.info("scrub.finished", blobs=note.blobs_count, bytes=note.bytes_count, found=note.found_count)
        await self._keep(replace(note, is_running=False, is_fast=False, finished_at=self._ports.clock.now()))

    def _note_damage(self, found: Verification) -> None:
        """Have what is damaged brought back, and remember it until it was."""
        for blob in found.damaged:
            log.warning("scrub.damaged", blob=blob.digest.hex(), bytes=blob.length)
            self._ports.repairs.want(blob)
        count = self._note.found_count + len(found.damaged)
        kept = (*self._note.open, *found.damaged)[: limits.scrub_open_max]
        self._note = replace(self._note, found_count=count, open=kept)

    def _settle(self) -> None:
        """Count what was healed since the last look; what nobody needs here any more is settled too."""
        if not self._note.open:
            return
        healed = sum(self._ports.blobs.holds(blob.digest) for blob in self._note.open)
        left = tuple(blob for blob in self._note.open if self._is_open(blob))
        self._note = replace(self._note, open=left, healed_count=self._note.healed_count + healed)

    def _is_open(self, blob: BlobRef) -> bool:
        if self._ports.blobs.holds(blob.digest):
            return False
        try:
            is_ours = is_home(self._ports, present_layout(self._ports), partition_of(blob.digest))
            return is_ours and queries.references_count(self._ports.registry.view(), blob.digest) > 0
        except Unavailable:  # this node has not heard of its cluster yet, or its rows cannot be read now
            return True

    async def _keep(self, note: ScrubNote) -> None:
        """Take a new note and save it. One that cannot be saved costs some of the round after a restart, no more."""
        self._note = note
        self._changed.set()
        self._saved_at = trio.current_time()
        try:
            await self._save(msgspec.json.format(msgspec.json.encode(note)))
        except Unavailable as error:
            log.warning("scrub.note_not_saved", why=str(error))

    def _rate(self) -> float:
        """Bytes a second: what an operator wants at once, else slow, but fast enough for the cycle."""
        if self._note.is_fast:
            return limits.scrub_fast_bytes_per_second
        usage = self._ports.blobs.usage()
        needed = (usage.size_bytes - usage.free_bytes) / (limits.scrub_cycle_ms / 1000) * limits.scrub_headroom
        return max(limits.scrub_bytes_per_second, needed)

    def _progress(self) -> float:
        """By blobs: what was put meanwhile lies behind the cursor and counts on both sides."""
        held = self._ports.blobs.usage().blobs_count
        return min(1.0, self._note.blobs_count / held) if held else 0.0

    def _eta_seconds(self, progress: float) -> int:
        if progress == 0:
            return 0
        return int(self._note.bytes_count / progress * (1 - progress) / self._rate())


def _parse(text: bytes | None) -> ScrubNote:
    """A note that cannot be read is begun anew: all it costs is a round."""
    if text is None:
        return ScrubNote()
    try:
        return msgspec.json.decode(text, type=ScrubNote)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("scrub.note_unreadable", why=str(error))
        return ScrubNote()
