"""A real node with two directories for blobs, one of which fails: it stays up, the blobs come back into the other.

Needs root: the directory that fails is an ext4 file system on a loop device, shut down under the running node, so that
every call on it fails with EIO.
"""

import fcntl
import hashlib
import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from mys3d.limits import KIB, MIB

EXT4_SHUTDOWN = 0x8004587D
WITHOUT_FLUSHING = 2


@pytest.fixture
def doomed_disk(loop_disk: Callable[[int], Path]) -> Path:
    return loop_disk(600 * MIB)


def shut_down(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    fcntl.ioctl(fd, EXT4_SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING))
    os.close(fd)


class Nodes:
    """Three nodes started by hand; the third keeps its blobs in two directories."""

    def __init__(self, tools: Any, folder: Path, doomed: Path) -> None:
        self.tools, self.folder = tools, folder
        self.port = tools.free_port_run()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.blobs = {"c": f"{doomed / 'blobs'}=2GB,{folder / 'sound'}=1GB"}

    def client(self, number: int) -> Any:
        options = {"retries": {"max_attempts": 4, "mode": "standard"}}
        return self.tools.s3_client(
            f"http://127.0.0.1:{self.port + 10 * number}", "ROOTKEY", "root-secret-key", **options
        )

    def start(self, name: str, token: str | None = None) -> None:
        number = "abc".index(name)
        words = ["start"] if token is None else ["join", token]
        words += ["--data", str(self.folder / name), "--port", str(self.port + 10 * number), "--bind", "127.0.0.1"]
        words += ["--zone", name, "--name", name] + (["--blobs", self.blobs[name]] if name in self.blobs else [])
        environment = self.tools.clean_environment()
        environment |= {"MYS3D_ACCESS_KEY": "ROOTKEY", "MYS3D_SECRET_KEY": "root-secret-key"}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "mys3d", *words],
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def form(self) -> None:
        self.start("a")
        self.tools.eventually(lambda: self.answers(0), 60, "the first node serves", 0.2)
        for copies, name in enumerate("bc", start=2):
            token = self.tools.run_mys3d("token", "--data", str(self.folder / "a")).stdout.strip()
            self.start(name, token)
            self.tools.eventually(lambda copies=copies: self.is_whole(copies), 90, f"{name} holds", 2.0)

    def answers(self, number: int) -> bool:
        try:
            self.client(number).list_buckets()
        except (BotoCoreError, ClientError):
            return False
        return True

    def status(self) -> dict[str, Any]:
        done = self.tools.run_mys3d("status", "--json", "--data", str(self.folder / "a"))
        answer: dict[str, Any] = json.loads(done.stdout) if done.returncode in (0, 8) else {}
        return answer

    def is_whole(self, copies: int) -> bool:
        status = self.status()
        is_still = bool(status) and status["health"] == "healthy" and not status["layout"]["in_transition"]
        return is_still and status["copies"] == {"target": copies, "missing_blobs": 0}

    def directories_of(self, name: str) -> list[dict[str, Any]]:
        node = next(node for node in self.status()["nodes"] if node["name"] == name)
        found: list[dict[str, Any]] = node["disk"]["directories"]
        return found

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


def put_some(client: Any, first: int, count: int) -> dict[str, bytes]:
    bodies = {
        f"k{n:04}": random.Random(n).randbytes([100, 4 * KIB, 200 * KIB][n % 3]) for n in range(first, first + count)
    }
    for key, body in bodies.items():
        client.put_object(Bucket="demo", Key=key, Body=body)
    return bodies


def check(client: Any, bodies: dict[str, bytes]) -> None:
    for key, body in bodies.items():
        found = client.get_object(Bucket="demo", Key=key)["Body"].read()
        assert hashlib.sha256(found).digest() == hashlib.sha256(body).digest(), key


def test_a_disk_that_fails_under_a_node_costs_no_request_and_its_blobs_come_back_into_the_other(
    doomed_disk: Path, tools: Any, tmp_path: Path
) -> None:
    nodes = Nodes(tools, tmp_path, doomed_disk)
    try:
        nodes.form()
        nodes.client(0).create_bucket(Bucket="demo")
        bodies = put_some(nodes.client(0), 0, 40)
        tools.eventually(lambda: nodes.is_whole(3), 60, "every copy is made", 2.0)
        assert all(directory["blobs_count"] for directory in nodes.directories_of("c"))
        shut_down(doomed_disk)
        bodies |= put_some(nodes.client(2), 40, 20)
        tools.eventually(lambda: nodes.is_whole(3), 90, "the other directory has every copy", 2.0)
        doomed, sound = sorted(nodes.directories_of("c"), key=lambda directory: str(directory["path"]))
        assert doomed["offline"]
        assert (sound["offline"], sound["blobs_count"]) == ("", len(bodies))
        check(nodes.client(2), bodies)
        assert nodes.processes["c"].poll() is None
    finally:
        nodes.end()
