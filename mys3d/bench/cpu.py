"""CPU seconds of the servers under load, and of ourselves.        Floor: bench.

Law: what a process spent comes from the kernel's account of it (user and system, all threads), never from a clock.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where to send requests, as whom, and whose CPU to count."""

    endpoints: tuple[str, ...]  # "host:port"
    access_key: str
    secret_key: str
    region: str
    bucket: str
    pids: dict[str, int]  # name of a server process -> its id


def read_ready_file(path: Path) -> Cluster:
    """Read the file that `mys3d dev --ready-file` writes."""
    found = json.loads(path.read_text())
    nodes = found["nodes"]
    return Cluster(
        endpoints=tuple(host_of(node["s3"]) for node in nodes),
        access_key=found["access_key"],
        secret_key=found["secret_key"],
        region=found["region"],
        bucket=found["bucket"],
        pids={node["name"]: int(node["pid"]) for node in nodes},
    )


def host_of(url: str) -> str:
    """`http://host:port` or `host:port` -> `host:port`. Raises ValueError for anything else."""
    host = url.removeprefix("http://").rstrip("/")
    name, colon, port = host.rpartition(":")
    if "/" in host or not colon or not name or not port.isdigit():
        raise ValueError(f"an endpoint is http://HOST:PORT, found {url!r}")
    return host


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
