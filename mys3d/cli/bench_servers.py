"""Starts the stores that a bench measures, and ends them after it.        Floor: top. Called by: bench_commands.

Law: everything that was started here is ended here, and what it wrote is removed; a server that does not start is told
with the end of its log.
"""

import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mys3d.bench.sign import Keys
from mys3d.bench.target import Target, read_ready_file
from mys3d.cli.bench_targets import Givers, found_pids, pair_of
from mys3d.cli.dev_plan import HOST, PORT_STEP
from mys3d.cli.failure import Exit, Failure

START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.1
_LOG_BYTES: Final = 2000
_FIRST_PORT: Final = 20_000
_STOP_PORT: Final = 32_000  # below what Linux gives to outgoing connections (ip_local_port_range)
_PROGRAM: Final = (sys.executable, "-m", "mys3d")
_ANY_KEYS: Final = Keys("bench", "bench-secret")  # a store of one's own, for the time of a run


@dataclass(frozen=True, slots=True)
class FreshCluster:
    """A running `mys3d dev` of our own."""

    data: Path
    ready_file: Path


@contextmanager
def fresh_cluster(nodes: int, program: Sequence[str] = _PROGRAM) -> Iterator[FreshCluster]:
    """Run `mys3d dev` in a directory of its own. Raises Failure when it does not start."""
    with tempfile.TemporaryDirectory(prefix="mys3d-bench-") as folder:
        data, ready = Path(folder) / "data", Path(folder) / "ready.json"
        words = [*program, "dev", "--data", str(data), "--nodes", str(nodes)]
        words += ["--port", str(free_ports(nodes)), "--ready-file", str(ready)]
        with _process(words, Path(folder) / "log", _plain_environment()) as process:
            _wait(process, Path(folder) / "log", "mys3d dev", ready.exists)
            yield FreshCluster(data, ready)


@contextmanager
def local_target(nodes: int, bucket: str, program: Sequence[str] = _PROGRAM) -> Iterator[Target]:
    """A fresh cluster as the target `mys3d`."""
    with fresh_cluster(nodes, program) as cluster:
        yield read_ready_file("mys3d", cluster.ready_file, bucket)


@contextmanager
def served(text: str, givers: Givers, bucket: str) -> Iterator[Target]:
    """Run `NAME=COMMAND`; in the command {port} and {dir} stand for a free port and an empty directory."""
    name, command = pair_of(text, "--serve", "NAME='COMMAND with {port}'")
    if "{port}" not in command:
        raise Failure(f"--serve {name}: expected a command with {{port}} in it, found {command}", "", Exit.USAGE)
    with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
        port, inner = free_ports(1), Path(folder) / "data"
        inner.mkdir()
        words = [word.replace("{port}", str(port)).replace("{dir}", str(inner)) for word in shlex.split(command)]
        with _process(words, Path(folder) / "log", dict(os.environ)) as process:
            _wait(process, Path(folder) / "log", name, lambda: _answers(port))
            endpoint = f"{HOST}:{port}"
            pids = givers.pids_of(name) or found_pids([endpoint])
            yield Target(name, (endpoint,), givers.keys_of(name) or _ANY_KEYS, bucket, pids)


def free_ports(nodes: int) -> int:
    """A port P such that P + 10 (k - 1) + {0, 1, 2} are free for every node k."""
    for first in range(_FIRST_PORT + os.getpid() % 500 * PORT_STEP, _STOP_PORT, PORT_STEP):
        if all(_is_free(first + PORT_STEP * k + offset) for k in range(nodes) for offset in range(3)):
            return first
    raise Failure(f"no {3 * nodes} ports are free between {_FIRST_PORT} and {_STOP_PORT}")


@contextmanager
def _process(words: list[str], log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, so that Ctrl-C reaches us first and all its children end with it."""
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise Failure(f"{words[0]} does not start: {error.strerror}", "", Exit.NOT_FOUND) from error
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], log: Path, name: str, is_up: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_up():
        if process.poll() is not None or time.monotonic() > deadline:
            how = "ended at once" if process.poll() is not None else f"did not answer within {START_SECONDS:g} s"
            end = log.read_bytes()[-_LOG_BYTES:].decode(errors="replace").strip()
            raise Failure(f"{name} {how}\n{end}", "", Exit.UNREACHABLE)
        time.sleep(_POLL_SECONDS)


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    try:
        with socket.socket() as probe:
            probe.bind((HOST, port))
    except OSError:
        return False
    return True


def _plain_environment() -> dict[str, str]:
    """Nothing of this shell configures the cluster."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MYS3D_", "S3_", "DB_BOLT_"))}
