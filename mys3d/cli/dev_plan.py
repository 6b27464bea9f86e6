"""Where everything of a `mys3d dev` cluster lies.        Floor: top (pure). Called by: the supervisor and its commands.

Law: names, ports and directories follow from the data directory, the first port and the number of nodes alone.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mys3d import limits
from mys3d.cli.failure import Exit, Failure
from mys3d.cli.nodes import DEV_FILE
from mys3d.config import Address, Credentials

HOST: Final = "127.0.0.1"
PORT_STEP: Final = 10
PORT_MAX: Final = 65_535
NODES_MAX: Final = 20
BUCKET: Final = "demo"


@dataclass(frozen=True, slots=True)
class DevNode:
    """One node of the cluster; its zone is its name, so that copies go to different nodes by the ordinary rules."""

    name: str
    port: int
    data: Path

    @property
    def s3(self) -> Address:
        return Address(HOST, self.port)

    @property
    def admin(self) -> Address:
        return Address(HOST, self.port + 1)

    @property
    def peers(self) -> Address:
        return Address(HOST, self.port + 2)

    @property
    def log(self) -> Path:
        return self.data / "log"


@dataclass(frozen=True, slots=True)
class DevPlan:
    """The whole cluster: what every node is told."""

    data: Path
    nodes: tuple[DevNode, ...]
    credentials: Credentials
    bucket: str
    registry: Path | None  # where each node keeps its registry, with the node's name appended; None: in its directory
    log_level: str
    log_keep_entries: int = limits.log_keep_entries
    domains: tuple[str, ...] = ()
    certificate: tuple[Path, Path] | None = None  # of the S3 port of every node
    peers_bulk: str = "tls"
    program: tuple[str, ...] = (sys.executable, "-m", "mys3d")

    def node(self, name: str) -> DevNode:
        for node in self.nodes:
            if node.name == name:
                return node
        known = ", ".join(node.name for node in self.nodes)
        raise Failure(f"there is no node {name}", f"nodes: {known}", Exit.NOT_FOUND)

    def command(self, node: DevNode, token: str | None) -> list[str]:
        """The words that run `node`: `join` once, `start` ever after."""
        words = ["start"] if token is None else ["join", token]
        options = ["--data", str(node.data), "--blobs", str(node.data / "blobs")]
        options += ["--name", node.name, "--zone", node.name]
        options += ["--port", str(node.port), "--bind", HOST, "--log-level", self.log_level]
        if node == self.nodes[0]:
            options += ["--bucket", self.bucket]
        if self.registry is not None:
            options += ["--registry", f"{self.registry}-{node.name}"]
        return [*self.program, *words, *options, "--until-stdin-closes"]

    def environment(self, environ: dict[str, str]) -> dict[str, str]:
        """The surroundings of a node: nothing but this plan configures it."""
        kept = {name: value for name, value in environ.items() if not name.startswith(("MYS3D_", "S3_", "DB_BOLT_"))}
        keys = {
            "MYS3D_ACCESS_KEY": self.credentials.access_key,
            "MYS3D_SECRET_KEY": self.credentials.secret_key,
            "MYS3D_REGION": self.credentials.region,
            "MYS3D_LOG_KEEP_ENTRIES": str(self.log_keep_entries),
            "MYS3D_PEERS_BULK": self.peers_bulk,
        }
        if self.domains:
            keys["MYS3D_DOMAIN"] = ",".join(self.domains)
        if self.certificate is not None:
            keys |= {"MYS3D_CERTIFICATE": str(self.certificate[0]), "MYS3D_CERTIFICATE_KEY": str(self.certificate[1])}
        return kept | keys | {"PYTHONUNBUFFERED": "1"}

    def endpoint(self, node: DevNode) -> str:
        """The S3 address of a node."""
        return f"{'http' if self.certificate is None else 'https'}://{node.s3}"


def plan_nodes(data: Path, port: int, count: int) -> tuple[DevNode, ...]:
    return tuple(DevNode(f"n{k}", port + PORT_STEP * (k - 1), data / f"n{k}") for k in range(1, count + 1))


def ready_facts(plan: DevPlan, pids: dict[str, int]) -> dict[str, Any]:
    """What `--ready-file` tells once every node serves."""
    return {
        "access_key": plan.credentials.access_key,
        "secret_key": plan.credentials.secret_key,
        "region": plan.credentials.region,
        "bucket": plan.bucket,
        "nodes": [
            {
                "name": node.name,
                "pid": pids[node.name],
                "s3": plan.endpoint(node),
                "admin": f"http://{node.admin}",
                "data": str(node.data),
            }
            for node in plan.nodes
        ],
    }


def write_whole(path: Path, facts: dict[str, Any]) -> None:
    """Write JSON that only its owner may read; a reader sees the old file or the new one, never a part."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600, exist_ok=False)
    fresh.write_text(json.dumps(facts) + "\n")
    fresh.replace(path)


def read_dev_file(data: Path) -> dict[str, Any]:
    """Return what the supervisor of a directory wrote. Ends the command when there never was one."""
    try:
        facts: dict[str, Any] = json.loads((data / DEV_FILE).read_text())
    except FileNotFoundError as error:
        message = f"{data} is not a directory of `mys3d dev`"
        raise Failure(message, f"start one: mys3d dev --data {data}", Exit.NOT_FOUND) from error
    except ValueError as error:
        message = f"{data / DEV_FILE} is not what `mys3d dev` writes: {error}"
        raise Failure(message, "remove that file: the nodes keep their data") from error
    return facts
