"""What nobody owns any more is counted off.        Floor: engine. Called by: node.

Law: decided from applied state alone, so that a new leader goes on where the last one stopped. A dead body keeps its
names for `limits.reap_grace_ms`, so that downloads under way go on; then they go, extent by extent.
"""

from typing import Final

import trio

from mys3d import limits
from mys3d.errors import OutcomeUnknown, Rejected, Unavailable
from mys3d.model.names import BodyId, Instant
from mys3d.ports import Ports
from mys3d.registry import queries
from mys3d.registry.commands import AbandonBody, Command, Reap
from mys3d.registry.transaction import Reader
from mys3d.registry.upload_commands import AbortUpload


class Reaping:
    """The duty of one node, done while it leads."""

    def __init__(self, ports: Ports) -> None:
        self._ports: Final = ports

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Give up and reap until cancelled."""
        task_status.started()
        while True:
            await trio.sleep(limits.reap_tick_seconds)
            if not self._ports.registry.status().is_leader:
                continue
            try:
                await self.reap_once()
            except (Rejected, Unavailable, OutcomeUnknown):
                # Another leader was faster, or none can commit now: the next look decides from what is applied then.
                continue

    async def reap_once(self) -> None:
        """Give up some bodies that expired and uploads whose bucket is gone; reap some that are dead long enough."""
        now = self._ports.clock.now()

        def look(reader: Reader) -> tuple[list[Command], list[BodyId]]:
            given_up: list[Command] = [
                AbandonBody(body, is_expired=True) for body in queries.bodies_expired(reader, now)
            ]
            given_up += [AbortUpload(*place) for place in queries.uploads_orphaned(reader)]
            dead = queries.bodies_dead(reader, Instant(now - limits.reap_grace_ms))
            return given_up, [body for body, _ in dead] + queries.leftovers(reader)

        given_up, bodies = await self._ports.registry.scan(look)
        for command in given_up:
            await self._ports.registry.propose(command)
        for body in bodies:
            await self._reap(body)

    async def _reap(self, body: BodyId) -> None:
        while (cursor := queries.reapable_from(self._ports.registry.view(), body)) is not None:
            await self._ports.registry.propose(Reap(body, cursor))
