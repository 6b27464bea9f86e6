"""CPU seconds of the servers under load, and of ourselves.        Floor: bench. Called by: measure.

Law: what a process spent comes from the kernel's account of it (user and system, all threads), never from a clock.
Source: proc(5), /proc/PID/stat.
"""

import os
import time
from pathlib import Path


def process_seconds(pid: int) -> float:
    """User and system seconds of a process so far. Raises ProcessLookupError when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError as error:
        raise ProcessLookupError(f"process {pid} is not running") from error
    fields = text.rpartition(")")[2].split()  # the name may hold spaces and parentheses
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class CpuMeter:
    """CPU seconds of named processes, and of this one, since the meter was made."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._before = {name: process_seconds(pid) for name, pid in pids.items()}
        self._own = time.process_time()

    def spent(self) -> dict[str, float]:
        return {name: process_seconds(pid) - self._before[name] for name, pid in self._pids.items()}

    def own(self) -> float:
        return time.process_time() - self._own
