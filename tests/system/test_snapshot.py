"""A node that was away for longer than the log is kept, and one that lost its registry: real processes, kill -9."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mys3d.consensus.generations import GenerationStore
from mys3d.registry import keys
from mys3d.registry.invariants import violations

KEEP = 30
WRITES = 150


@pytest.fixture
def cluster(tools: Any, tmp_path: Path) -> Iterator[Any]:
    """Three nodes that keep thirty log entries."""
    cluster = tools.start_dev(tmp_path / "data", tools.free_port_run(), MYS3D_LOG_KEEP_ENTRIES=str(KEEP))
    yield cluster
    cluster.stop()


def write(cluster: Any, name: str, prefix: str) -> None:
    client = cluster.client(name, retries={"max_attempts": 5})
    for number in range(WRITES):
        client.put_object(Bucket="demo", Key=f"{prefix}-{number:03}", Body=f"{prefix} {number}".encode() * 20)


def wait_until_whole(cluster: Any, tools: Any) -> None:
    def whole() -> bool:
        status = cluster.status()
        return status["health"] == "healthy" and not status["copies"]["missing_blobs"] and len(status["nodes"]) == 3

    tools.eventually(whole, 90, "three healthy nodes with every copy", 0.3)


def test_nodes_that_were_away_or_lost_their_rows_catch_up_by_snapshot(cluster: Any, tools: Any) -> None:
    write(cluster, "n1", "early")
    assert cluster.command("dev", "kill", "n2").returncode == 0
    write(cluster, "n1", "away")
    assert cluster.command("dev", "start", "n2").returncode == 0
    wait_until_whole(cluster, tools)
    assert cluster.client("n2").get_object(Bucket="demo", Key="away-149")["Body"].read() == b"away 149" * 20
    assert cluster.command("dev", "kill", "n3").returncode == 0
    shutil.rmtree(cluster.data / "n3" / "registry")
    write(cluster, "n2", "lost")
    assert cluster.command("dev", "start", "n3").returncode == 0
    wait_until_whole(cluster, tools)
    assert cluster.client("n3").get_object(Bucket="demo", Key="early-000")["Body"].read() == b"early 0" * 20
    cluster.stop()
    compare(cluster)


def compare(cluster: Any) -> None:
    """The registries hold the same rows, but for the applied one; two were installed; the journals are short."""
    rows, generations = {}, {}
    for name in cluster.names:
        store = GenerationStore(cluster.data / name / "registry")
        generations[name] = store.generation
        assert violations(store.reader()) == []
        rows[name] = dict(store.reader().scan(keys.APPLIED + b"\xff", b"\xff"))
        store.close()
        sizes = [path.stat().st_size for path in (cluster.data / name / "journal").glob("*.log")]
        assert sum(sizes) < 400 * 1024, f"{name}: {sizes}"
    assert len(rows["n1"]) > 3 * WRITES
    assert rows["n1"] == rows["n2"] == rows["n3"]
    assert generations["n2"] > "g-00000001" and generations["n3"] > "g-00000001", generations
