"""Rot on one node's disk: found by a scrub, healed from another node, never served."""

import json
import random
from pathlib import Path
from typing import Any

OBJECTS = 40
FLIPPED = 8


def flip(data: Path, body: bytes, at: int) -> None:
    """Flip one bit of the copy that lies in one of the volumes of a node."""
    for volume in sorted((data / "blobs").glob("*.vol*")):
        found = volume.read_bytes().find(body[:64])
        if found >= 0:
            with volume.open("r+b") as file:
                file.seek(found + at)
                byte = file.read(1)[0]
                file.seek(found + at)
                file.write(bytes([byte ^ 0x10]))
            return
    raise AssertionError("the body lies in no volume")


def test_a_scrub_finds_flipped_bits_and_heals_them_and_no_wrong_byte_is_served(own_cluster: Any, tools: Any) -> None:
    cluster, dice = own_cluster, random.Random(6)
    client = cluster.client("n2")
    client.create_bucket(Bucket="rot")
    bodies = {f"k{number}": dice.randbytes(dice.choice([900, 70_000, 300_000])) for number in range(OBJECTS)}
    for key, body in bodies.items():
        client.put_object(Bucket="rot", Key=key, Body=body)
    tools.eventually(lambda: cluster.status()["health"] == "healthy", 60, "all copies are there")
    rotten = sorted(bodies)[:FLIPPED]
    for key in rotten:
        flip(cluster.data / "n2", bodies[key], dice.randrange(len(bodies[key])))

    def report() -> dict[str, Any]:
        done = cluster.command("scrub", "status", "--node", "n2", "--json")
        assert done.returncode in (0, 8), done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)["nodes"][0]["report"]
        return answer

    served = rotten[: FLIPPED // 2]  # these are read while they are rotten, the others are for the scrub to find
    for key in served:
        assert client.get_object(Bucket="rot", Key=key)["Body"].read() == bodies[key]
    started = cluster.command("scrub", "start")
    assert started.returncode in (0, 8), started.stderr
    for key, body in bodies.items():
        if key in rotten and key not in served:
            continue  # left to the scrub
        assert client.get_object(Bucket="rot", Key=key)["Body"].read() == body
    ended = tools.eventually(
        lambda: (found := report())["finished_at"] and not found["open_count"] and found,
        60,
        "the scrub has ended",
        pause=0.5,
    )
    assert ended["healed_count"] == ended["found_count"] == FLIPPED - len(served)
    for key, body in bodies.items():
        assert client.get_object(Bucket="rot", Key=key)["Body"].read() == body
    tools.eventually(lambda: cluster.status()["copies"]["missing_blobs"] == 0, 60, "every copy is back", pause=0.5)
    again = cluster.command("scrub", "start", "--node", "n2")
    assert again.returncode == 0, again.stdout
    clean = tools.eventually(
        lambda: (found := report())["state"] == "waiting" and found, 60, "the second round has ended", pause=0.5
    )
    assert (clean["found_count"], clean["blobs_count"]) == (ended["found_count"], OBJECTS)
    assert f"{FLIPPED - len(served)} damaged copies found" in cluster.command("status").stdout
