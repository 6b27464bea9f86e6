"""A real node on a small disk that fills up and is freed again (`make disk-full`). Needs root: it mounts a loop device.

While the disk is full PUTs are refused with 503 or 507 and nothing else, GET, LIST and DELETE go on, and PUTs are taken
again within ten seconds of room coming back. The disk carries everything of the node: journal, registry and blobs.
"""

import hashlib
import os
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from mys3d.limits import KIB, MIB

SIZE = 400 * MIB
RECOVERY_SECONDS = 10.0
REFUSALS = {503, 507}


@pytest.fixture
def small_disk(loop_disk: Callable[[int], Path]) -> Path:
    return loop_disk(SIZE)


class Disk:
    """The file that takes the room away and gives it back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.filler = folder / "filler"

    @property
    def free_bytes(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self, left_bytes: int) -> None:
        with self.filler.open("wb") as file:
            while self.free_bytes > left_bytes + MIB:
                os.posix_fallocate(file.fileno(), file.seek(0, 2), MIB)
                file.seek(0, 2)

    def free(self) -> None:
        self.filler.unlink()


class Client:
    """One client that remembers what was acknowledged."""

    def __init__(self, cluster: Any, name: str, seed: int) -> None:
        self.s3 = cluster.client(name, retries={"max_attempts": 0, "mode": "standard"})
        self.random = random.Random(seed)
        self.held: dict[str, str] = {}
        self.count = 0

    def put(self, size: int) -> int:
        """Put one object; return 200, or the status of the refusal."""
        self.count += 1
        key, body = f"k{self.count:06}", self.random.randbytes(size)
        try:
            self.s3.put_object(Bucket="demo", Key=key, Body=body)
        except ClientError as error:
            return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        self.held[key] = hashlib.sha256(body).hexdigest()
        return 200

    def put_until_taken(self, seconds: float) -> float:
        """Return after how many seconds a PUT was taken; fail after `seconds`."""
        began = time.monotonic()
        while (status := self.put(4 * KIB)) != 200:
            assert status in REFUSALS, status
            assert time.monotonic() - began < seconds, f"no PUT was taken within {seconds} s of room coming back"
            time.sleep(0.2)
        return time.monotonic() - began

    def delete_one(self) -> None:
        key = self.random.choice(sorted(self.held))
        assert self.s3.delete_object(Bucket="demo", Key=key)["ResponseMetadata"]["HTTPStatusCode"] == 204
        del self.held[key]

    def read(self, keys: list[str]) -> None:
        for key in keys:
            body = self.s3.get_object(Bucket="demo", Key=key)["Body"].read()
            assert hashlib.sha256(body).hexdigest() == self.held[key], key

    def check_all(self) -> None:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="demo")
        assert {entry["Key"] for page in pages for entry in page.get("Contents", [])} == set(self.held)
        self.read(sorted(self.held))


def run_cycles(cluster: Any, disk: Disk, cycles: int, seed: int) -> list[float]:
    """Fill and free the disk of a single node; return the seconds until a PUT was taken again."""
    client = Client(cluster, "n1", seed)
    recoveries = []
    for _ in range(10):
        assert client.put(100 * KIB) == 200
    for _ in range(cycles):
        disk.fill(client.random.randrange(30, 80) * MIB)
        refused = [client.put(client.random.choice([100, 4 * KIB, 100 * KIB, MIB])) for _ in range(8)]
        assert set(refused) <= REFUSALS, refused
        client.read(client.random.sample(sorted(client.held), 5))
        client.delete_one()
        assert client.put(100) in REFUSALS
        disk.free()
        recoveries.append(client.put_until_taken(RECOVERY_SECONDS))
        assert client.put(100 * KIB) == 200
    client.check_all()
    return recoveries


def test_a_full_disk_refuses_writes_and_nothing_else(small_disk: Path, tools: Any) -> None:
    cluster = tools.start_dev(small_disk / "data", tools.free_port_run(1), nodes=1)
    try:
        pid = cluster.node("n1")["pid"]
        run_cycles(cluster, Disk(small_disk), 2, seed=1)
        os.kill(pid, 0)  # it never died and came back
    finally:
        cluster.stop()


@pytest.mark.campaign
def test_twenty_cycles_of_filling_and_freeing_lose_nothing(small_disk: Path, tools: Any) -> None:
    cluster = tools.start_dev(small_disk / "data", tools.free_port_run(1), nodes=1)
    try:
        pid = cluster.node("n1")["pid"]
        recoveries = sorted(run_cycles(cluster, Disk(small_disk), 20, seed=2))
        os.kill(pid, 0)
        print(f"20 cycles: writable again after {recoveries[10]:.2f} s (median), {recoveries[-1]:.2f} s (longest)")
    finally:
        cluster.stop()


@pytest.mark.campaign
def test_one_full_node_of_three_costs_no_write_and_gets_its_copies_afterwards(
    small_disk: Path, tools: Any, tmp_path: Path
) -> None:
    """Its blobs alone are on the small disk: writes go on with two copies, and the third comes when there is room."""
    folder = tmp_path / "data" / "n3" / "blobs"
    folder.mkdir(parents=True)
    subprocess.run(["mount", "--bind", str(small_disk), str(folder)], check=True)
    try:
        cluster = tools.start_dev(tmp_path / "data", tools.free_port_run())
        try:
            client, disk = Client(cluster, "n1", 3), Disk(folder)
            for _ in range(5):
                disk.fill(20 * MIB)
                assert [client.put(64 * KIB) for _ in range(20)] == [200] * 20
                tools.eventually(
                    lambda: cluster.status()["copies"]["missing_blobs"] == 20, 30, "20 copies are owed", 0.5
                )
                disk.free()
                tools.eventually(lambda: cluster.status()["health"] == "healthy", 90, "every copy is made again", 0.5)
            client.check_all()
        except (ClientError, BotoCoreError) as error:
            raise AssertionError(f"a client was refused: {error}") from error
        finally:
            cluster.stop()
    finally:
        subprocess.run(["umount", str(folder)], check=True)
