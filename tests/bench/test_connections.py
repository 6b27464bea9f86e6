"""Many connections to one node: what is reported, and what makes a run fail."""

import itertools
import json
import os
from pathlib import Path

import pytest

from bench import connections
from mys3d.bench.connection import Request


@pytest.fixture
def ready(store, tmp_path: Path) -> list[str]:
    """Options for a node whose process is this one."""
    store.objects["/_mys3d/health/ready"] = b""
    where = f"http://{store.endpoint}"
    node = {"name": "n1", "pid": os.getpid(), "s3": where, "admin": where, "data": "d"}
    file = {"access_key": "A", "secret_key": "S", "region": "us-east-1", "bucket": "demo", "nodes": [node]}
    (tmp_path / "ready").write_text(json.dumps(file))
    return ["--ready-file", str(tmp_path / "ready"), "--seconds", "0.3", "--size", "1K", "--idle", "3", "--busy", "2"]


@pytest.mark.parametrize("operation", ["get", "put"])
def test_a_run_tells_memory_fairness_and_health(operation: str, ready: list[str], tmp_path: Path) -> None:
    assert connections.main([operation, *ready, "--json", str(tmp_path / "figures")]) == 0
    found = json.loads((tmp_path / "figures").read_text())
    assert (found["idle"], found["busy"], found["idle_still_open"]) == (3, 2, 3)
    assert found["errors"] == {}
    assert found["requests_count"] >= found["slowest_client"] + found["fastest_client"] - 2 > 0
    assert 0 < found["fairness"] <= 1
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["max_ms"]
    assert found["rss_busy_max_mib"] >= found["rss_after_mib"] > 0


def test_a_node_that_is_not_well_fails_the_run(store, ready: list[str]) -> None:
    del store.objects["/_mys3d/health/ready"]
    assert connections.main(ready) == 1


def test_an_idle_connection_that_was_closed_fails_the_run(store, ready: list[str]) -> None:
    heads = itertools.count()

    def spoil(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        is_gone = path.startswith("/bench?") and next(heads) > 2
        return (503, b"") if is_gone else (status, body)

    store.spoil = spoil
    assert connections.main(ready) == 1


@pytest.mark.parametrize("change", [["--idle", "-1"], ["--busy", "0"], ["--busy", "9000"]])
def test_what_cannot_be_run_is_refused(change: list[str], ready: list[str]) -> None:
    with pytest.raises(SystemExit):
        connections.parse([*ready, *change])


def test_a_file_that_names_no_such_node_is_told(ready: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert connections.main([*ready, "--node", "2"]) == 2
    assert "IndexError" in capsys.readouterr().err


def test_a_client_counts_what_it_has_begun() -> None:
    client = connections.Counted(itertools.repeat(Request((b"x",), "get")))
    for _ in range(3):
        next(client)
    assert client.count == 3


def test_a_node_that_speaks_tls_is_not_measured(
    store, ready: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.ready_file(tmp_path, os.getpid(), "https")
    assert connections.main(ready) == 2
    assert "expected a node that speaks plain HTTP, found https://" in capsys.readouterr().err
