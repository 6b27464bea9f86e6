"""Which nodes of this machine are running, by what they wrote into their directories.        Floor: top.

Called by: commands that speak to a running node. Law: a file alone proves nothing; its process must be alive too.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mys3d.cli.failure import Exit, Failure

NODE_FILE: Final = "node.json"
DEV_FILE: Final = "dev.json"
IDENTITY_NAME: Final = "identity"


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A node of this machine as its `node.json` tells it. Addresses are `host:port`."""

    name: str
    pid: int
    s3: str
    admin: str
    data: Path


def is_dev_directory(data: Path) -> bool:
    return (data / DEV_FILE).exists()


def read_node(data: Path) -> RunningNode | None:
    """Return the running node of a directory; None: there is none, or it has died."""
    try:
        facts = json.loads((data / NODE_FILE).read_text())
        node = RunningNode(facts["name"], int(facts["pid"]), bare(facts["s3"]), bare(facts["admin"]), data)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:
        message = f"{data / NODE_FILE} is not what a node writes: {error}"
        raise Failure(message, "remove that file: a running node writes it at its next start") from error
    return node if is_alive(node.pid) else None


def other_node(data: Path) -> RunningNode | None:
    """Return the node that another process runs in this directory. In doubt there is none: its lock decides then.

    A power cut leaves `node.json` behind, perhaps emptied, and the process id in it may be anybody's by now; in a
    container it is our own.
    """
    try:
        node = read_node(data)
    except Failure:
        return None
    return node if node is not None and node.pid != os.getpid() and _runs_mys3d(node.pid) else None


def _runs_mys3d(pid: int) -> bool:
    """False when the command line of the process proves that it is another program."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return True
    return any(word.rpartition(b"/")[2] == b"mys3d" for word in words)


def running_nodes(data: Path) -> list[RunningNode]:
    """The running nodes of a node's directory, or of a `mys3d dev` directory. Ends the command when there is none."""
    if not data.exists():
        raise Failure(f"there is no directory {data}", "name the node's directory: --data DIR", Exit.NOT_FOUND)
    places = sorted(data.glob("n*"), key=lambda path: (len(path.name), path.name)) if is_dev_directory(data) else [data]
    nodes = [node for place in places if (node := read_node(place)) is not None]
    if not nodes:
        start = "mys3d dev" if is_dev_directory(data) else "mys3d start"
        raise Failure(f"no node runs in {data}", f"start it: {start} --data {data}", Exit.UNREACHABLE)
    return nodes


def bare(address: str) -> str:
    """`http://host:port` and `host:port` are the same address; a node that listens everywhere is asked on loopback."""
    plain = urlsplit(address).netloc if "://" in address else address
    host, _, port = plain.rpartition(":")
    return {"0.0.0.0": f"127.0.0.1:{port}", "[::]": f"[::1]:{port}"}.get(host, plain)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
