"""Real processes on free ports, spoken to by real clients."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.free_ports import free_port_run

START_SECONDS = 180.0  # on a machine that is busy with other things


def eventually(statement: Callable[[], Any], seconds: float, what: str, pause: float = 0.05) -> Any:
    """Return the first true answer of `statement`; fail naming `what` when none came in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = statement()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(pause)


def clean_environment() -> dict[str, str]:
    """The environment without anything that would configure a client or a node from outside."""
    prefixes = ("AWS_", "MYS3D_", "S3_", "DB_BOLT")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


def s3_client(endpoint: str, access_key: str, secret_key: str, **options: Any) -> Any:
    settings = {"retries": {"max_attempts": 1}, "s3": {"addressing_style": "path"}, "read_timeout": 30} | options
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name="us-east-1",
        config=Config(**settings),
    )


@dataclass
class DevCluster:
    """A running `mys3d dev`."""

    process: subprocess.Popen[bytes]
    data: Path
    ready_file: Path
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [node["name"] for node in self.facts["nodes"]]

    def node(self, name: str) -> dict[str, Any]:
        return next(node for node in self.facts["nodes"] if node["name"] == name)

    def client(self, name: str = "n1", **options: Any) -> Any:
        return s3_client(self.node(name)["s3"], self.facts["access_key"], self.facts["secret_key"], **options)

    def command(self, *words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return run_mys3d(*words, "--data", str(self.data), timeout=timeout)

    def status(self) -> dict[str, Any]:
        """What `mys3d status` says; health "unreachable" while no node answers it."""
        done = self.command("status", "--json")
        assert done.returncode in (0, 4, 8), done.stderr
        if done.returncode == 4:
            return {"health": "unreachable", "nodes": [], "copies": {"missing_blobs": -1}}
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def environment(self) -> dict[str, str]:
        return clean_environment() | {
            "AWS_ACCESS_KEY_ID": self.facts["access_key"],
            "AWS_SECRET_ACCESS_KEY": self.facts["secret_key"],
            "AWS_DEFAULT_REGION": self.facts["region"],
            "AWS_ENDPOINT_URL": self.facts["nodes"][0]["s3"],
            "AWS_CONFIG_FILE": str(self.data / "no-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.data / "no-credentials"),
        }

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
                raise


def run_mys3d(*words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mys3d", *words],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def start_dev(data: Path, port: int, nodes: int = 3, **settings: str) -> DevCluster:
    """Start `mys3d dev` and return once every node serves. `settings` go into its environment."""
    ready_file = data.parent / f"{data.name}.ready.json"
    ready_file.unlink(missing_ok=True)
    words = ["dev", "--nodes", str(nodes), "--data", str(data), "--port", str(port), "--ready-file", str(ready_file)]
    log = (data.parent / f"{data.name}.dev.log").open("ab")
    with log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mys3d", *words],
            env=clean_environment() | settings,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    cluster = DevCluster(process, data, ready_file)

    def is_ready() -> bool:
        assert process.poll() is None, f"mys3d dev ended: {Path(log.name).read_text()}"
        return ready_file.exists()

    try:
        eventually(is_ready, START_SECONDS, "every node of mys3d dev serves")
    except AssertionError:
        cluster.stop()
        raise
    cluster.facts = json.loads(ready_file.read_text())
    return cluster


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    """Three nodes that tests share as long as they break nothing."""
    cluster = start_dev(tmp_path_factory.mktemp("shared") / "data", free_port_run())
    yield cluster
    cluster.stop()


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[DevCluster]:
    """Three nodes that one test may break."""
    cluster = start_dev(tmp_path / "data", free_port_run())
    yield cluster
    cluster.stop()


@pytest.fixture
def bucket(shared_cluster: DevCluster) -> str:
    """An empty bucket of the shared cluster."""
    name = f"t-{random.SystemRandom().getrandbits(64):016x}"
    shared_cluster.client().create_bucket(Bucket=name)
    return name


@pytest.fixture
def loop_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mount an ext4 file system of so many bytes on a loop device, which needs root; it is unmounted at the end."""
    mounted: list[Path] = []

    def mount(size: int) -> Path:
        image, folder = tmp_path / f"image{len(mounted)}", tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        with image.open("wb") as file:
            file.truncate(size)
        try:
            subprocess.run(["mkfs.ext4", "-q", str(image)], check=True, capture_output=True)
            subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"a loop device cannot be mounted here: {error}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="session")
def tools() -> SimpleNamespace:
    """The builders of this page, for tests that form their own cluster."""
    return SimpleNamespace(
        eventually=eventually,
        free_port_run=free_port_run,
        clean_environment=clean_environment,
        s3_client=s3_client,
        run_mys3d=run_mys3d,
        start_dev=start_dev,
    )
