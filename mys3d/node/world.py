"""The clock and the chance of a real machine.        Floor: composition root. Called by: life.

Law: these two are the only sources of time and randomness in a running node.
"""

import os
import time

from mys3d.model.names import Instant


class MachineClock:
    """Implements ports.Clock."""

    def now(self) -> Instant:
        return Instant(time.time_ns() // 1_000_000)

    def monotonic(self) -> float:
        return time.monotonic()


class MachineEntropy:
    """Implements ports.Entropy."""

    def token(self, size: int) -> bytes:
        return os.urandom(size)
