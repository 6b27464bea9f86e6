"""What befalls a cluster: deaths, pauses, partitions, slow disks and links.        Floor: tests. Called by: test_chaos.

Law: the schedule follows from the seed and from who leads; whatever was begun is undone before the next begins.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.campaigns.disks import Throttle
from tests.campaigns.world import World

PAUSE_SECONDS = (0.5, 10.0)
PARTITION_SECONDS = (5.0, 9.0)
SLOW_SECONDS = (4.0, 9.0)
DOWN_SECONDS = (0.0, 4.0)
BETWEEN_SECONDS = (0.5, 3.0)
SLOW_BYTES = 1_000_000  # a second
SLOW_WRITES = 40  # a second
SLOW_KILOBITS = 4_000  # a second


@dataclass(frozen=True, slots=True)
class Episode:
    """One thing that befell the cluster, and when (time.monotonic)."""

    kind: str
    targets: tuple[str, ...]
    began: float
    ended: float

    @property
    def is_partition(self) -> bool:
        return self.kind in ("isolate", "deaf", "mute", "link", "one way")


class Nemeses:
    """Draws episodes and lives through them. After each all is whole again, though nodes may be starting yet."""

    def __init__(self, world: World, dice: Random) -> None:
        self._world, self._cluster, self._network = world, world.cluster, world.network
        self._dice = dice
        self._kinds: dict[str, tuple[int, Callable[[str], None]]] = {
            "kill": (4, self._kill),
            "kill two": (1, self._kill_two),
            "kill all": (1, self._kill_all),
            "pause": (4, self._pause),
            "isolate": (3, self._isolate),
            "deaf": (2, self._deaf),
            "mute": (2, self._mute),
            "link": (2, self._link),
            "one way": (2, self._one_way),
            "slow disk": (2, self._slow_disk),
            "slow link": (2, self._slow_link),
            "pause in a partition": (1, self._pause_in_partition),
        }
        self.episodes: list[Episode] = []

    @property
    def kinds(self) -> list[str]:
        return list(self._kinds)

    def befall(self, kind: str | None = None) -> Episode:
        """Live through one episode; half of them hit the leader. None: a random kind."""
        weights = [weight for weight, _ in self._kinds.values()]
        chosen = kind or self._dice.choices(self.kinds, weights)[0]
        target = self._dice.choice(self._cluster.names)
        if self._dice.random() < 0.5:
            target = self._cluster.leader() or target
        began = time.monotonic()
        self._kinds[chosen][1](target)
        self.episodes.append(Episode(chosen, (target,), began, time.monotonic()))
        self._cluster.wait(self._dice.uniform(*BETWEEN_SECONDS))
        return self.episodes[-1]

    def _others(self, name: str) -> list[str]:
        return [other for other in self._cluster.names if other != name]

    def _start_again(self, *names: str) -> None:
        self._cluster.wait(self._dice.uniform(*DOWN_SECONDS))
        for name in names:
            self._cluster.launch(name)

    def _kill(self, target: str) -> None:
        self._cluster.kill(target)
        self._start_again(target)

    def _kill_two(self, target: str) -> None:
        names = (target, self._dice.choice(self._others(target)))
        self._cluster.kill(*names)
        self._start_again(*names)

    def _kill_all(self, _: str) -> None:
        self._cluster.kill(*self._cluster.names)
        self._start_again(*self._cluster.names)

    def _pause(self, target: str) -> None:
        self._cluster.pause(target)
        self._cluster.wait(self._dice.uniform(*PAUSE_SECONDS))
        self._cluster.resume(target)

    def _for_a_while(self, seconds: tuple[float, float] = PARTITION_SECONDS) -> None:
        self._cluster.wait(self._dice.uniform(*seconds))
        self._network.heal()

    def _isolate(self, target: str) -> None:
        self._network.isolate(target)
        self._for_a_while()

    def _deaf(self, target: str) -> None:
        """The target hears nobody; all hear it."""
        for other in self._others(target):
            self._network.drop(other, target)
        self._for_a_while()

    def _mute(self, target: str) -> None:
        """Nobody hears the target; it hears all."""
        for other in self._others(target):
            self._network.drop(target, other)
        self._for_a_while()

    def _link(self, target: str) -> None:
        """One link is cut: two nodes do not hear each other, a third hears both."""
        self._network.cut(target, self._dice.choice(self._others(target)))
        self._for_a_while()

    def _one_way(self, target: str) -> None:
        self._network.drop(target, self._dice.choice(self._others(target)))
        self._for_a_while()

    def _pause_in_partition(self, target: str) -> None:
        """The leader is cut off, and when the partition heals it sleeps on and wakes up late."""
        self._network.isolate(target)
        self._cluster.wait(self._dice.uniform(0.0, 1.0))
        self._cluster.pause(target)
        self._for_a_while()
        self._cluster.wait(self._dice.uniform(0.0, 1.0))
        self._cluster.resume(target)

    def _slow_disk(self, target: str) -> None:
        throttle, disk = Throttle(f"mys3d-{os.getpid()}-{target}"), self._world.disks[target]
        try:
            throttle.slow(self._cluster.nodes[target].pid, disk, SLOW_BYTES, SLOW_WRITES)
            self._cluster.wait(self._dice.uniform(*SLOW_SECONDS))
        finally:
            throttle.stop(disk)

    def _slow_link(self, target: str) -> None:
        self._network.slow(target, SLOW_KILOBITS)
        self._cluster.wait(self._dice.uniform(*SLOW_SECONDS))
        self._network.widen(target)
