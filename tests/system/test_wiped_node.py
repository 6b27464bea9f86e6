"""A node comes back without any of its blobs: every copy is made again, and nobody notices meanwhile.

With 10,000 objects; prints how long the copies took (`make wiped-node`).
"""

import hashlib
import itertools
import json
import os
import random
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from mys3d.limits import KIB, MIB

WIPED = "n3"
BUCKET = "wiped"


@dataclass
class Readers:
    """GETs of random objects through the nodes that serve, until told to stop."""

    cluster: Any
    digests: dict[str, str]
    names: list[str]
    wrong: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    read_count: int = 0
    halt: threading.Event = field(default_factory=threading.Event)

    def run(self, number: int) -> None:
        dice, clients = random.Random(number), {name: self.cluster.client(name) for name in self.cluster.names}
        keys = sorted(self.digests)
        while not self.halt.is_set():
            key, name = dice.choice(keys), dice.choice(self.names)
            try:
                body = clients[name].get_object(Bucket=BUCKET, Key=key)["Body"].read()
            except (BotoCoreError, ClientError, OSError) as error:
                self.failed.append(f"{name} {key}: {error!r}")
                continue
            self.read_count += 1
            if hashlib.sha256(body).hexdigest() != self.digests[key]:
                self.wrong.append(key)


def put_many(cluster: Any, count: int) -> dict[str, str]:
    """Put unique objects, most of 4 KiB, one in a hundred of some megabytes. Returns sha256 by key."""
    cluster.client().create_bucket(Bucket=BUCKET)
    local = threading.local()

    def put(number: int) -> tuple[str, str]:
        if not hasattr(local, "clients"):
            local.clients = [cluster.client(name) for name in cluster.names]
        size = 2 * MIB if number % 100 == 99 else 4 * KIB
        body = random.Random(number).randbytes(size)
        local.clients[number % 3].put_object(Bucket=BUCKET, Key=f"k{number:05}", Body=body)
        return f"k{number:05}", hashlib.sha256(body).hexdigest()

    with ThreadPoolExecutor(6) as threads:
        return dict(threads.map(put, range(count)))


def node_of(cluster: Any, name: str) -> dict[str, Any]:
    return next((node for node in cluster.status()["nodes"] if node["name"] == name), {"reachable": False})


def wipe_and_wait(cluster: Any, count: int, seconds: float, eventually: Any) -> float:
    """Lose all blobs of one node; return how long it took until every copy was there again, in seconds."""
    digests = put_many(cluster, count)
    eventually(lambda: cluster.status()["health"] == "healthy", 60, "all copies are there")
    held = node_of(cluster, WIPED)["disk"]["blobs_count"]
    assert held == count
    readers = Readers(cluster, digests, [name for name in cluster.names if name != WIPED])
    threads = [threading.Thread(target=readers.run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert cluster.command("dev", "kill", WIPED).returncode == 0
        shutil.move(cluster.data / WIPED / "blobs", cluster.data / "blobs-that-were-lost")
        started = time.monotonic()
        done = cluster.command("dev", "start", WIPED)
        assert done.returncode == 0, done.stderr
        readers.names = list(cluster.names)

        def is_whole() -> bool:
            node = node_of(cluster, WIPED)
            return bool(node["reachable"]) and node["disk"]["blobs_count"] == held and node["blobs_missing"] == 0

        eventually(is_whole, seconds, f"{held} blobs are on {WIPED} again", pause=1.0)
        took = time.monotonic() - started
    finally:
        readers.halt.set()
        for thread in threads:
            thread.join(60)
    print(f"{count} objects on {WIPED} again in {took:.1f} s; {readers.read_count} GETs meanwhile")
    assert readers.failed == []
    assert readers.wrong == []
    assert readers.read_count > 0
    verify(cluster, digests, eventually)
    return took


def verify(cluster: Any, digests: dict[str, str], eventually: Any) -> None:
    """Read every copy on the disk of the node, and a part of the objects through it."""
    assert cluster.command("scrub", "start", "--node", WIPED).returncode == 0

    def report() -> dict[str, Any]:
        told = json.loads(cluster.command("scrub", "--node", WIPED, "--json").stdout)
        answer: dict[str, Any] = told["nodes"][0]["report"]
        return answer

    ended = eventually(
        lambda: (found := report())["state"] == "waiting" and found, 120, "the scrub has ended", pause=1.0
    )
    assert (ended["blobs_count"], ended["found_count"]) == (len(digests), 0)
    client = cluster.client(WIPED)
    for key, digest in itertools.islice(sorted(digests.items()), 0, None, max(1, len(digests) // 50)):
        assert hashlib.sha256(client.get_object(Bucket=BUCKET, Key=key)["Body"].read()).hexdigest() == digest


@pytest.mark.campaign
def test_ten_thousand_objects_are_on_a_wiped_node_again_within_two_minutes(own_cluster: Any, tools: Any) -> None:
    count = int(os.environ.get("MYS3D_WIPED_OBJECTS", "10000"))
    assert wipe_and_wait(own_cluster, count, 240, tools.eventually) <= 120
