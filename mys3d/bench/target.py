"""Whom the load is put on.        Floor: bench. Called by: everything that asks a target; cli makes them."""

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mys3d.bench.sign import Keys
from mys3d.errors import Unavailable

_PROBE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """One store: where to send requests, as whom, and whose CPU to count."""

    name: str
    endpoints: tuple[str, ...]  # "host:port"; connections are shared out among them
    keys: Keys
    bucket: str
    pids: dict[str, int]  # name of a server process -> its id; empty: its CPU is not counted


def host_of(url: str) -> str:
    """`http://host:port` or `host:port` -> `host:port`. Raises ValueError for anything else."""
    host = url.removeprefix("http://").rstrip("/")
    name, colon, port = host.rpartition(":")
    if "/" in host or not colon or not name or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"expected an endpoint http://HOST:PORT, found {url!r}")
    return host


def read_ready_file(name: str, path: Path, bucket: str) -> Target:
    """Read the file that `mys3d dev --ready-file` writes. Raises ValueError naming it."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        keys = Keys(found["access_key"], found["secret_key"], found["region"])
        endpoints = tuple(host_of(node["s3"]) for node in found["nodes"])
        pids = {str(node["name"]): int(node["pid"]) for node in found["nodes"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not what `mys3d dev --ready-file` writes: {error}") from error
    return Target(name, endpoints, keys, bucket, pids)


def probe(target: Target) -> None:
    """Raises Unavailable when an endpoint takes no connection."""
    for endpoint in target.endpoints:
        host, _, port = endpoint.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_PROBE_SECONDS).close()
        except OSError as error:
            raise Unavailable(f"target {target.name} does not answer at http://{endpoint}: {error}") from error
