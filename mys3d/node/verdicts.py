"""What a node says to load balancers.        Floor: composition root. Called by: life.

Law: live says that the loop turns, ready that S3 requests are answered here, cluster that writes are accepted and every
blob has its copies. None of them waits longer than its deadline.
"""

from dataclasses import dataclass

import trio

from mys3d import limits
from mys3d.engine.repair import MissingCopies
from mys3d.engine.scrub import Scrub
from mys3d.engine.status import cluster_status
from mys3d.errors import Unavailable
from mys3d.ports import Ports
from mys3d.web.health import Health, Verdict


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The three checks of one node. `stopping` is set when its shutdown begins."""

    ports: Ports
    missing: MissingCopies
    scrub: Scrub
    stopping: trio.Event

    def health(self) -> Health:
        return Health(self.live, self.ready, self.cluster)

    async def live(self) -> Verdict:
        await trio.lowlevel.checkpoint()
        return Verdict(True)

    async def ready(self) -> Verdict:
        if self.stopping.is_set():
            return Verdict(False, ("this node is stopping",))
        try:
            with trio.fail_after(limits.ready_deadline_seconds):
                await self.ports.registry.barrier()
        except (Unavailable, trio.TooSlowError):
            return Verdict(False, ("no majority of voters answers",))
        return Verdict(True)

    async def cluster(self) -> Verdict:
        try:
            status = await cluster_status(self.ports, self.missing, self.scrub)
        except Unavailable as error:
            return Verdict(False, (str(error),))
        return Verdict(status.health == "healthy", () if status.health == "healthy" else (status.sentence,))
