"""kill -9 under concurrent PUTs: what was acknowledged is there, byte for byte, through every node.

Three rounds; a hundred are a campaign (`make kill-rounds`, tests/campaigns).
"""

import hashlib
import json
import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mys3d.limits import KIB

WRITERS = 6
ROUND_SECONDS = 2.0
HEAL_SECONDS = 60.0


@dataclass
class Journal:
    """What the clients saw. Appended to by writer threads, read after they ended."""

    acknowledged: dict[str, str] = field(default_factory=dict)  # key -> sha256 of the body
    in_doubt: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Writer(threading.Thread):
    """PUTs unique bodies under unique keys through random nodes until told to stop."""

    def __init__(self, cluster: Any, bucket: str, number: int, journal: Journal) -> None:
        super().__init__(name=f"writer-{number}")
        self.clients = [
            cluster.client(name, connect_timeout=1, read_timeout=12, retries={"max_attempts": 0, "mode": "standard"})
            for name in cluster.names
        ]
        self.bucket, self.number, self.journal = bucket, number, journal
        self.random = random.Random(number)
        self.halt = threading.Event()

    def run(self) -> None:
        count = 0
        while not self.halt.is_set():
            count += 1
            key = f"w{self.number}/{count:06}"
            body = self.random.randbytes(self.random.choice([1, 100, 4 * KIB, 70 * KIB]))
            self.put(key, key.encode() + body)

    def put(self, key: str, body: bytes) -> None:
        digest = hashlib.sha256(body).hexdigest()
        try:
            self.random.choice(self.clients).put_object(Bucket=self.bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError):
            with self.journal.lock:
                self.journal.in_doubt[key] = digest
                self.journal.refused += 1
            return
        with self.journal.lock:
            self.journal.acknowledged[key] = digest


def process_of(cluster: Any, name: str) -> int:
    return int(json.loads((cluster.data / name / "node.json").read_text())["pid"])


def victims(cluster: Any, kind: str) -> list[str]:
    """The names to kill: the leader, a follower, or all."""
    if kind == "all":
        return list(cluster.names)
    nodes = cluster.status()["nodes"]
    return [next(node["name"] for node in nodes if node["role"] == kind)]


def wait_until_healed(cluster: Any, eventually: Any) -> None:
    def healed() -> bool:
        status = cluster.status()
        return status["health"] == "healthy" and all(node["reachable"] for node in status["nodes"])

    eventually(healed, HEAL_SECONDS, "the cluster is healthy again", pause=0.3)


def run_rounds(cluster: Any, kinds: list[str], eventually: Any) -> None:
    """Kill once per round under load, then compare everything acknowledged."""
    bucket = "kills"
    cluster.client().create_bucket(Bucket=bucket)
    journal = Journal()
    writers = [Writer(cluster, bucket, number, journal) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        for kind in kinds:
            seen = len(journal.acknowledged)
            eventually(lambda seen=seen: len(journal.acknowledged) > seen + 20, HEAL_SECONDS, "writes flow")
            names = victims(cluster, kind)
            for pid in [process_of(cluster, name) for name in names]:
                os.kill(pid, signal.SIGKILL)
            killed = time.monotonic()
            eventually(lambda killed=killed: time.monotonic() > killed + ROUND_SECONDS, 60, "the round is over")
            wait_until_healed(cluster, eventually)
    finally:
        for writer in writers:
            writer.halt.set()
        for writer in writers:
            writer.join(60)
    compare(cluster, bucket, journal)


def compare(cluster: Any, bucket: str, journal: Journal) -> None:
    lost, wrong = [], []
    for number, (key, digest) in enumerate(sorted(journal.acknowledged.items())):
        client = cluster_client(cluster, number)
        try:
            found = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            lost.append((key, error.response["Error"]["Code"]))
            continue
        if hashlib.sha256(found).hexdigest() != digest:
            wrong.append(key)
    print(
        f"acknowledged {len(journal.acknowledged)}, refused or in doubt {journal.refused}, "
        f"lost {len(lost)}, wrong {len(wrong)}"
    )
    assert not lost, lost[:10]
    assert not wrong, wrong[:10]
    listed = {
        entry["Key"]
        for page in cluster.client("n3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for entry in page.get("Contents", [])
    }
    assert not set(journal.acknowledged) - listed
    assert not listed - set(journal.acknowledged) - set(journal.in_doubt)


_clients: dict[tuple[int, str], Any] = {}


def cluster_client(cluster: Any, number: int) -> Any:
    name = cluster.names[number % len(cluster.names)]
    return _clients.setdefault((id(cluster), name), cluster.client(name))


def test_nothing_acknowledged_is_lost_when_nodes_are_killed(own_cluster: Any, tools: Any) -> None:
    run_rounds(own_cluster, ["leader", "follower", "all"], tools.eventually)
