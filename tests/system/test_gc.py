"""Collection on real processes: deleted bytes leave the disks, and nothing that was acknowledged goes with them.

Writers put, delete and put again the same few contents under keys of their own through random nodes, while collection
runs with short epochs and nodes are killed. `make gc-race` does 10,000 operations at 200 ms.
"""

import hashlib
import json
import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from mys3d.limits import KIB, MIB

WRITERS = 6
KEYS = 5  # of each writer
SIZES = (1, 100, 4 * KIB, 70 * KIB, 300 * KIB, 5 * MIB)
HEAL_SECONDS = 90.0
BUCKET = "gc-race"

NOTHING = None  # what a key holds that was deleted


@dataclass
class Board:
    """What every key may hold: one content, or several while the outcome of an operation is not known."""

    contents: dict[str, bytes] = field(default_factory=dict)  # by digest
    allowed: dict[str, set[str | None]] = field(default_factory=dict)
    operations_left: int = 0
    done: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        with self.lock:
            self.operations_left -= 1
            return self.operations_left >= 0


class Writer(threading.Thread):
    """One operation after the other until all are done; some acknowledged puts are read back at once."""

    def __init__(self, cluster: Any, number: int, board: Board) -> None:
        super().__init__(name=f"writer-{number}")
        options = {"connect_timeout": 1, "read_timeout": 15, "retries": {"max_attempts": 0, "mode": "standard"}}
        self.clients = [cluster.client(name, **options) for name in cluster.names]
        self.board, self.number = board, number
        self.random = random.Random(number)

    def run(self) -> None:
        while self.board.take():
            key = f"w{self.number}/{self.random.randrange(KEYS)}"
            if self.random.random() < 0.4:
                self.attempt(key, NOTHING)
            else:
                self.attempt(key, self.random.choice(sorted(self.board.contents)))
            if self.random.random() < 0.2:
                check(self.board, key, self.random.choice(self.clients), is_calm=False)

    def attempt(self, key: str, wanted: str | None) -> None:
        client = self.random.choice(self.clients)
        allowed = self.board.allowed.setdefault(key, {NOTHING})
        try:
            if wanted is NOTHING:
                client.delete_object(Bucket=BUCKET, Key=key)
            else:
                client.put_object(Bucket=BUCKET, Key=key, Body=self.board.contents[wanted])
        except (ClientError, BotoCoreError):
            allowed.add(wanted)
            with self.board.lock:
                self.board.refused += 1
            time.sleep(0.05)
            return
        self.board.allowed[key] = {wanted}
        with self.board.lock:
            self.board.done += 1


def check(board: Board, key: str, client: Any, is_calm: bool) -> None:
    """Read a key: the answer must be one that is allowed. While nodes die, a refusal is no answer."""
    allowed = board.allowed.get(key, {NOTHING})
    try:
        body = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        found = hashlib.sha256(body).hexdigest()
    except (ClientError, BotoCoreError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        if code != "NoSuchKey":
            if is_calm:
                board.wrong.append(f"{key}: {error}")
            return
        found = NOTHING
    if found not in allowed:
        board.wrong.append(f"{key}: holds {found}, allowed {sorted(map(str, allowed))}")


def contents() -> dict[str, bytes]:
    dice = random.Random(11)
    bodies = [dice.randbytes(size) for size in SIZES]
    return {hashlib.sha256(body).hexdigest(): body for body in bodies}


def settings(cluster: Any, *changes: str) -> None:
    done = cluster.command("settings", *changes)
    assert done.returncode == 0, done.stderr


def kill(cluster: Any, name: str) -> bool:
    """False: it is down already, and not up again yet."""
    try:
        os.kill(int(json.loads((cluster.data / name / "node.json").read_text())["pid"]), signal.SIGKILL)
    except (ProcessLookupError, FileNotFoundError):
        return False
    return True


def wait_until_healed(cluster: Any, eventually: Any) -> None:
    def healed() -> bool:
        status = cluster.status()
        return status["health"] == "healthy" and all(node["reachable"] for node in status["nodes"])

    eventually(healed, HEAL_SECONDS, "the cluster is healthy again", pause=1.0)


def race(cluster: Any, tools: Any, operations: int, kills: int) -> Board:
    """Run the writers to their end, killing a node now and then; then compare every key through every node."""
    board = Board(contents(), operations_left=operations)
    cluster.client().create_bucket(Bucket=BUCKET)
    writers = [Writer(cluster, number, board) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    dice = random.Random(kills)
    for number in range(kills):
        due = operations * (number + 1) // (kills + 1)
        tools.eventually(lambda due=due: board.operations_left <= operations - due, 600, "operations go on")
        tools.eventually(lambda: kill(cluster, dice.choice(cluster.names)), 60, "a node is there to be killed")
    for writer in writers:
        writer.join(600)
        assert not writer.is_alive()
    wait_until_healed(cluster, tools.eventually)
    clients = [cluster.client(name) for name in cluster.names]
    for client in clients:
        for key in sorted(board.allowed):
            check(board, key, client, is_calm=True)
    print(f"{board.done} done, {board.refused} refused or in doubt, {len(board.wrong)} missing or wrong")
    assert board.wrong == []
    assert board.done >= operations // 2, f"too little was done to prove anything: {board.done} of {operations}"
    return board


def allocated(data: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in data.rglob("*.volume"))


def empty(cluster: Any, tools: Any) -> None:
    """Delete everything, and wait until no node holds any of it."""
    client = cluster.client()
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])

    def is_empty() -> bool:
        return sum(node["disk"]["blobs_count"] for node in cluster.status()["nodes"]) == 0

    tools.eventually(is_empty, 120, "every blob is collected", pause=2.0)


def test_contents_deleted_and_put_again_while_they_are_collected(own_cluster: Any, tools: Any) -> None:
    settings(own_cluster, "gc_period_ms=500")
    race(own_cluster, tools, operations=200, kills=1)
    client = own_cluster.client()
    for number in range(10):
        body = random.Random(number).randbytes(5 * MIB)
        client.put_object(Bucket=BUCKET, Key=f"large/{number}", Body=body)
    before = allocated(own_cluster.data)
    empty(own_cluster, tools)
    deleted = 3 * 10 * 5 * MIB
    tools.eventually(lambda: before - allocated(own_cluster.data) > 0.98 * deleted, 60, "the disks have room")
    tools.eventually(lambda: own_cluster.status()["garbage"]["blobs_count"] == 0, 60, "no garbage is left", pause=2.0)


@pytest.mark.campaign
def test_ten_thousand_operations_at_200_ms_lose_nothing(own_cluster: Any, tools: Any) -> None:
    settings(own_cluster, "gc_period_ms=200")
    race(own_cluster, tools, operations=10_000, kills=20)
    empty(own_cluster, tools)
