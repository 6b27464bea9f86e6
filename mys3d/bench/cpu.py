"""CPU seconds of the servers under load, and of ourselves.        Floor: bench. Called by: measure, cli.

Law: what a process spent comes from the kernel's account of it (user and system, all threads), never from a clock.
Source: proc(5), /proc/PID/stat and /proc/net/tcp.
"""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_LISTENS: Final = "0A"  # TCP_LISTEN


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


def listening_on(port: int) -> list[int]:
    """Ids of the processes of this machine that listen on a TCP port, as far as we may look."""
    inodes = set(_listening_inodes(port))
    return sorted(pid for pid in _processes() if inodes & set(_socket_inodes(pid))) if inodes else []


def _listening_inodes(port: int) -> Iterator[str]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        lines = table.read_text().splitlines()[1:] if table.exists() else []
        for fields in map(str.split, lines):
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _processes() -> Iterator[int]:
    yield from (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _socket_inodes(pid: int) -> Iterator[str]:
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry))
            if found:
                yield found.group(1)
    except OSError:  # it is another user's, or ended meanwhile
        return
