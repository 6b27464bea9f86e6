"""What a supervisor that was killed may have left behind.        Floor: top. Called by: dev_supervisor.

Law: one supervisor per directory, by a lock that the kernel lets go of when its holder dies; a process is ended only
when its own command line proves that it is a node of this very directory.
"""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mys3d.cli.dev_plan import DevNode
from mys3d.cli.failure import Exit, Failure
from mys3d.cli.nodes import is_alive

PATIENCE_SECONDS: Final = 5.0  # nodes stop by themselves when their supervisor is gone
POLL_SECONDS: Final = 0.05


@contextmanager
def only_supervisor(data: Path) -> Iterator[None]:
    """Hold the directory. Ends the command when another `mys3d dev` has it."""
    with (data / "dev.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"`mys3d dev` runs on {data} already"
            raise Failure(message, "stop it, or name another directory: --data DIR", Exit.REFUSED) from error
        yield


def end_leftovers(nodes: Iterable[DevNode], say: Callable[[str], None], patience: float = PATIENCE_SECONDS) -> None:
    """Wait for nodes of an earlier supervisor to end, then kill those that do not."""
    for node in nodes:
        for pid in processes_of(node.data):
            say(f"{node.name} (process {pid}) is left from an earlier run; waiting for it to end")
            if not _ends(pid, node.data, patience):
                os.kill(pid, signal.SIGKILL)
                _ends(pid, node.data, patience)


def processes_of(data: Path) -> list[int]:
    """The processes that run a node in `data`. `node.json` would not do: a node that is stopping has removed it."""
    numbers = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return [pid for pid in numbers if is_node_of(pid, data)]


def _ends(pid: int, data: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_node_of(pid, data):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def is_node_of(pid: int, data: Path) -> bool:
    """True when process `pid` runs `mys3d ... --data <data>`. A dead or foreign process is none."""
    if not is_alive(pid):
        return False
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"mys3d" in words and os.fsencode(data) in words
