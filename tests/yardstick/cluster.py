"""Three real nodes on free loopback ports, for as long as a run of the yardstick lasts.        Floor: tests."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

START_SECONDS = 300.0
NODES = 3


@contextmanager
def cluster(place: Path) -> Iterator[dict[str, Any]]:
    """Run `mys3d dev` with its data below `place`; gives what its ready file says."""
    ready = place / "ready.json"
    words = ["dev", "--nodes", str(NODES), "--data", str(place / "data"), "--port", str(_free_ports())]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MYS3D_", "S3_", "DB_"))}
    with (place / "cluster.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mys3d", *words, "--ready-file", str(ready)],
            env=kept, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        yield _facts(process, ready, place / "cluster.log")
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _facts(process: "subprocess.Popen[bytes]", ready: Path, log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the cluster did not start:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.1)
    found: dict[str, Any] = json.loads(ready.read_text())
    return found


def _free_ports() -> int:
    """A port P such that P + 10 (k - 1) + {0, 1, 2} are free for every node k."""
    while True:
        first = random.SystemRandom().randrange(20_000, 32_000)
        try:
            for port in [first + 10 * k + offset for k in range(NODES) for offset in range(3)]:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
