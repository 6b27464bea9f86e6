"""Bits that rot in the volumes of one node of three: never a wrong byte, nothing lost, all of it found and healed.

500 seeded flips by `make corrupt`, some of them in `make test`; half of them while the node runs.
"""

import errno
import hashlib
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from mys3d.blobs.store import BlobStore, Folder
from mys3d.limits import KIB, MIB, blob_bytes_max
from mys3d.model.digest import Digest, digest_of
from mys3d.model.names import GcEpoch

VICTIM = "n2"
SIZES = [1, 100, 4 * KIB, 64 * KIB, 64 * KIB + 1, 300 * KIB, MIB]
HEAL_SECONDS = 120.0


def body_of(number: int, seed: int) -> bytes:
    size = 5 * MIB + 77 if number % 40 == 0 else SIZES[number % len(SIZES)]
    return random.Random(f"{seed}/{number}").randbytes(size)


def blobs_of(body: bytes) -> dict[Digest, bytes]:
    pieces = [body[start : start + blob_bytes_max] for start in range(0, len(body), blob_bytes_max)]
    return {digest_of(piece): piece for piece in pieces}


class Objects:
    """What was acknowledged, and how it is compared."""

    def __init__(self, cluster: Any, count: int, seed: int) -> None:
        self.cluster = cluster
        self.bodies = {f"k{number:05}": body_of(number, seed) for number in range(count)}
        for number, (key, body) in enumerate(self.bodies.items()):
            cluster.client(cluster.names[number % 3]).put_object(Bucket="demo", Key=key, Body=body)

    def blobs(self) -> dict[Digest, bytes]:
        return {digest: piece for body in self.bodies.values() for digest, piece in blobs_of(body).items()}

    def read_all(self, names: list[str]) -> None:
        for name in names:
            client = self.cluster.client(name)
            for key, body in self.bodies.items():
                found = client.get_object(Bucket="demo", Key=key)["Body"].read()
                assert hashlib.sha256(found).digest() == hashlib.sha256(body).digest(), f"{key} read through {name}"


def written(path: Path) -> list[tuple[Path, int, int]]:
    """The stretches of a volume that take room on the disk: not what was punched out, nor what is set aside."""
    found: list[tuple[Path, int, int]] = []
    with path.open("rb") as file:
        stop = 0
        while True:
            try:
                start = os.lseek(file.fileno(), stop, os.SEEK_DATA)
            except OSError as error:
                assert error.errno == errno.ENXIO  # no data behind `stop`
                return found
            stop = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            found.append((path, start, stop))


def flip(folder: Path, count: int, dice: random.Random) -> None:
    """Flip `count` bits, anywhere in what was written of the volumes."""
    stretches = [stretch for path in sorted(folder.glob("*.volume")) for stretch in written(path)]
    for path, start, stop in dice.choices(stretches, [stop - start for _, start, stop in stretches], k=count):
        offset = dice.randrange(start, stop)
        with path.open("r+b") as file:
            byte = os.pread(file.fileno(), 1, offset)[0]
            os.pwrite(file.fileno(), bytes([byte ^ 1 << dice.randrange(8)]), offset)


def verify(data: Path, expected: dict[Digest, bytes]) -> tuple[int, int]:
    """Verify everything that a stopped node holds: whatever is held afterwards is right. Returns (damaged, missing)."""
    cluster_id = bytes.fromhex(_identity(data / "blobs")["cluster_id"])

    async def run() -> tuple[int, int]:
        async with BlobStore([Folder(data / "blobs")], cluster_id) as blobs:
            damaged, after = 0, ""
            while True:
                step = await blobs.verify(after, 8 * MIB)
                damaged += len(step.damaged)
                if step.after is None:
                    break
                after = step.after
            held = [digest for digest in expected if await blobs.have(digest, GcEpoch(0))]
            for digest in held:
                found = await blobs.read(digest, 0, blob_bytes_max)
                assert found == expected[digest], f"wrong bytes of blob {digest.hex()}"
            return damaged, len(expected) - len(held)

    return trio.run(run)


def _identity(folder: Path) -> dict[str, str]:
    stored: dict[str, str] = json.loads((folder / "directory.json").read_text())
    return stored


def corrupt(cluster: Any, eventually: Callable[..., Any], objects_count: int, flips: int, seed: int) -> None:
    dice = random.Random(seed)
    objects = Objects(cluster, objects_count, seed)
    data = cluster.data / VICTIM
    eventually(lambda: is_healthy(cluster), HEAL_SECONDS, "every copy is made", 2.0)
    flip(data / "blobs", flips // 2, dice)
    objects.read_all([VICTIM])
    eventually(lambda: is_healthy(cluster), HEAL_SECONDS, "what reads found damaged is healed", 2.0)
    assert cluster.command("dev", "kill", VICTIM).returncode == 0
    flip(data / "blobs", flips - flips // 2, dice)
    damaged, missing = verify(data, objects.blobs())
    assert damaged, "no flip hit a live record: the run proves nothing"
    assert cluster.command("dev", "start", VICTIM).returncode == 0
    eventually(lambda: is_healthy(cluster), HEAL_SECONDS, "everything found damaged is healed", 2.0)
    objects.read_all(cluster.names)
    assert cluster.command("dev", "kill", VICTIM).returncode == 0
    left = verify(data, objects.blobs())
    found = f"{damaged} damaged and {missing} missing when verified"
    print(f"{flips} flips: {found}, {left[0]} and {left[1]} after the repair")
    assert left == (0, 0)


def is_healthy(cluster: Any) -> bool:
    status = cluster.status()
    return bool(status["health"] == "healthy" and not status["copies"]["missing_blobs"])


def test_rotten_bits_are_found_and_healed_and_never_served(own_cluster: Any, tools: Any) -> None:
    corrupt(own_cluster, tools.eventually, objects_count=20, flips=60, seed=1)


@pytest.mark.campaign
def test_five_hundred_rotten_bits_are_found_and_healed_and_never_served(own_cluster: Any, tools: Any) -> None:
    corrupt(own_cluster, tools.eventually, objects_count=400, flips=500, seed=2)
