"""Which ports are taken, and by whom.        Floor: top. Called by: start, join, dev, bench.

Law: a port is tried the way a server takes it; the name of its owner is a courtesy that only Linux can give.
"""

import errno
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mys3d.cli.failure import Failure
from mys3d.config import Address

_PROCESSES = Path("/proc")
_LISTENING = "0A"  # state of /proc/net/tcp: TCP_LISTEN in include/net/tcp_states.h


def refuse_busy_ports(addresses: Iterable[tuple[str, Address]]) -> None:
    """End the command with one sentence that names every port that is taken, and who has it."""
    taken: dict[str, list[str]] = {}
    for use, address in addresses:
        if is_busy(address):
            taken.setdefault(owner_of(address.port) or "another process", []).append(f"{use} port {address.port}")
    if taken:
        sentences = [f"{', '.join(ports)} taken by {owner}" for owner, ports in taken.items()]
        raise Failure("; ".join(sentences), "stop it, or choose other ports: --port PORT")


def is_busy(address: Address) -> bool:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise Failure(f"cannot listen on {address}: {error.strerror}") from error
    return False


def owner_of(port: int) -> str | None:
    """Return `process 4711 (nginx)` for the process that listens on `port`; None: it cannot be seen from here."""
    found = listeners_on(port)
    return f"process {found[0]} ({_command(_PROCESSES / str(found[0]))})" if found else None


def listeners_on(port: int) -> list[int]:
    """Ids of the processes of this machine that listen on `port`, as far as they can be seen from here, in order."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not sockets:
        return []
    return sorted(int(process.name) for process in _PROCESSES.glob("[0-9]*") if sockets & _open_files(process))


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            columns = row.split()
            if columns[3] == _LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                inodes.add(columns[9])
    return inodes


def _open_files(process: Path) -> set[str]:
    names = set()
    try:
        for entry in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # a file that has just been closed
                names.add(os.readlink(entry))
    except OSError:  # another user's process, or one that has just ended
        return set()
    return names


def _command(process: Path) -> str:
    try:
        words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return "unknown"
    return b" ".join(words).decode(errors="replace")[:120]
