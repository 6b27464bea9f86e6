"""One node of a directory: started, asked what it costs, stopped or killed, started again."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mys3d.bench.cpu import process_seconds
from mys3d.bench.memory import resident_bytes, resident_bytes_max
from mys3d.bench.sign import Keys
from mys3d.bench.target import Target
from mys3d.cli.bench_servers import free_ports

BUCKET: Final = "scale"
KEYS: Final = Keys("scale", "scale-secret")
HOST: Final = "127.0.0.1"
_SERVES: Final = b" serves S3 at "
START_SECONDS: Final = 900.0
STOP_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 0.02
_QUIET_STEP_SECONDS: Final = 1.0
_QUIET_SHARE: Final = 0.1  # of a core: a node below it does nothing but its ticks and slow walks
_QUIET_STEPS: Final = 3
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Start:
    """From the start of the process until it says that it serves."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Quiet:
    """What a node did behind its start, until it had nothing more to do."""

    seconds: float
    cpu_seconds: float
    is_over: bool  # False: it still had


class RunningNode:
    """A running node. `started` tells how long that took."""

    def __init__(self, data: Path) -> None:
        self.data: Final = data
        port = free_ports(1)
        self.target: Target
        words = [sys.executable, "-m", "mys3d", "start", "--data", str(data), "--port", str(port)]
        words += ["--bind", HOST, "--name", "scale", "--log-level", "warning"]
        environ = {name: text for name, text in os.environ.items() if not name.startswith(("MYS3D_", "S3_", "DB_"))}
        environ |= {"S3_ACCESSKEY": KEYS.access_key, "S3_SECRETKEY": KEYS.secret_key}
        self._log: Final = data.parent / f"{data.name}.log"
        began = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ)
        try:
            self._wait(began)
        except BaseException:
            self.kill()
            raise
        self.started: Final = Start(time.monotonic() - began, process_seconds(self.pid))
        self.target = Target(data.name, (f"{HOST}:{port}",), KEYS, BUCKET, {data.name: self.pid})

    @property
    def pid(self) -> int:
        return self._process.pid

    def _wait(self, began: float) -> None:
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > began + START_SECONDS:
                raise SystemExit(f"the node of {self.data} does not start:\n{self._log.read_text()[-2000:]}")
            time.sleep(_POLL_SECONDS)

    def _is_ready(self) -> bool:
        """A new node answers that it is ready a moment before it knows its root key: it has said that it serves."""
        return _SERVES in self._log.read_bytes()

    def quiet(self, seconds_max: float) -> Quiet:
        """Wait until the node has nothing to do."""
        began, before, steps = time.monotonic(), process_seconds(self.pid), 0
        last = before
        while steps < _QUIET_STEPS and time.monotonic() < began + seconds_max:
            time.sleep(_QUIET_STEP_SECONDS)
            now = process_seconds(self.pid)
            steps = steps + 1 if now - last < _QUIET_SHARE * _QUIET_STEP_SECONDS else 0
            last = now
        idle_seconds = steps * _QUIET_STEP_SECONDS
        return Quiet(time.monotonic() - began - idle_seconds, last - before, steps == _QUIET_STEPS)

    def rss_mib(self) -> float:
        return resident_bytes(self.pid) / _MIB

    def rss_max_mib(self) -> float:
        return resident_bytes_max(self.pid) / _MIB

    def stop(self) -> None:
        """In good order: everything is flushed."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """As a crash does it."""
        self._process.kill()
        self._process.wait()


def disk_bytes(folder: Path) -> int:
    """What a folder takes on the disk."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
