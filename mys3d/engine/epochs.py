"""The epochs of garbage collection go on.        Floor: engine. Called by: node.

Law: while this node leads, the epoch is bumped about once a period of the cluster, never twice within one. Nobody's
safety rests on the pace: it decides how soon room is given back, and how long a write may take between two touches.
"""

from typing import Final

import trio

from mys3d import limits
from mys3d.errors import OutcomeUnknown, Rejected, Unavailable
from mys3d.model.names import GcEpoch
from mys3d.ports import Ports
from mys3d.registry import queries
from mys3d.registry.commands import BumpGcEpoch


def period_seconds(ports: Ports) -> float:
    return queries.settings(ports.registry.view()).gc_period_ms / 1000


def look_seconds(ports: Ports) -> float:
    """How long to rest between two looks at the epoch, so that none is missed."""
    return min(period_seconds(ports) / limits.gc_looks_per_period, limits.gc_look_seconds_max)


class Epochs:
    """The duty of one node, done while it leads."""

    def __init__(self, ports: Ports) -> None:
        self._ports: Final = ports
        self._seen = GcEpoch(0)
        self._since = 0.0  # trio time at which this node first saw the present epoch

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Bump when it is time, until cancelled."""
        task_status.started()
        while True:
            await trio.sleep(look_seconds(self._ports))
            following = self._due()
            if following is None:
                continue
            try:
                await self._ports.registry.propose(BumpGcEpoch(following))
            except (Rejected, Unavailable, OutcomeUnknown):
                # Another leader was faster, or none can commit now: the next look decides from what is applied then.
                continue

    def _due(self) -> GcEpoch | None:
        """The next epoch, when this node leads and the present one is a period old."""
        epoch = queries.gc_epoch(self._ports.registry.view())
        if epoch != self._seen:
            self._seen, self._since = epoch, trio.current_time()
        is_old = trio.current_time() - self._since >= period_seconds(self._ports)
        return GcEpoch(epoch + 1) if epoch and is_old and self._ports.registry.status().is_leader else None
