"""Whom the load is put on.        Floor: bench. Called by: everything that asks a target; cli makes them."""

import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mys3d.bench.sign import Keys
from mys3d.bench.trust import SYSTEM, Trust, dial
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
    tls: ssl.SSLContext | None = None  # None: plain HTTP

    def url_of(self, endpoint: str) -> str:
        return f"{'http' if self.tls is None else 'https'}://{endpoint}"


def places_of(urls: Sequence[str], trust: Trust) -> tuple[tuple[str, ...], ssl.SSLContext | None]:
    """The endpoints of one store, and how TLS is spoken to it. Raises ValueError."""
    hosts = tuple(host_of(url) for url in urls)
    schemes = {url.startswith("https://") for url in urls}
    if len(schemes) > 1:
        raise ValueError("expected endpoints of one kind, found http and https")
    return hosts, trust.context() if True in schemes else None


def host_of(url: str) -> str:
    """`http://host:port`, `https://host:port` or `host:port` -> `host:port`. Raises ValueError for anything else."""
    host = url.removeprefix("https://" if url.startswith("https://") else "http://").rstrip("/")
    name, colon, port = host.rpartition(":")
    if "/" in host or not colon or not name or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"expected an endpoint http://HOST:PORT or https://HOST:PORT, found {url!r}")
    return host


def read_ready_file(name: str, path: Path, bucket: str, trust: Trust = SYSTEM) -> Target:
    """Read the file that `mys3d dev --ready-file` writes. Raises ValueError naming it."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        keys = Keys(found["access_key"], found["secret_key"], found["region"])
        endpoints, tls = places_of([str(node["s3"]) for node in found["nodes"]], trust)
        pids = {str(node["name"]): int(node["pid"]) for node in found["nodes"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not what `mys3d dev --ready-file` writes: {error}") from error
    return Target(name, endpoints, keys, bucket, pids, tls)


def probe(target: Target) -> None:
    """Raises Unavailable when an endpoint takes no connection, or shows a certificate that does not verify."""
    for endpoint in target.endpoints:
        host, _, port = endpoint.rpartition(":")
        try:
            dial(host.strip("[]"), int(port), target.tls, _PROBE_SECONDS).close()
        except OSError as error:
            raise unanswered(target, endpoint, error) from error


def unanswered(target: Target, endpoint: str, error: OSError) -> Unavailable:
    """Why there is no connection."""
    where = target.url_of(endpoint)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unavailable(
            f"target {target.name} shows a certificate at {where} that does not verify: "
            f"{error.verify_message.rstrip('.')}; --ca FILE names an authority to trust, --insecure trusts anybody"
        )
    return Unavailable(f"target {target.name} does not answer at {where}: {error}")
