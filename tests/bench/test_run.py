"""The command as it is typed."""

import json
import os
from pathlib import Path

import pytest

from mys3d.bench import run as command

BASE = ["--access-key", "A", "--secret-key", "S", "--seconds", "0.2", "--concurrency", "1,3", "--sizes", "1K"]


def test_sizes_are_parsed() -> None:
    assert [command.parse_size(text) for text in ("1", "4K", "64k", "1M")] == [1, 4096, 65536, 1 << 20]


@pytest.mark.parametrize("text", ["", "K", "0", "-1", "6G", "4KB", "x"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        command.parse_size(text)


@pytest.mark.parametrize(
    "arguments",
    [
        ["put"],
        ["put", "--endpoint", "h:1"],
        ["delete", "--ready-file", "f"],
        ["put", "--ready-file", "f", "--seconds", "0"],
        ["put", "--ready-file", "f", "--seconds", "601"],
        ["put", "--ready-file", "f", "--requests", "1000001"],
        ["put", "--ready-file", "f", "--concurrency", "0"],
        ["put", "--ready-file", "f", "--sizes", "x"],
    ],
)
def test_what_cannot_be_run_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        command.parse(arguments)
    assert refused.value.code == 2
    assert "error" in capsys.readouterr().err


@pytest.mark.parametrize("operation", ["put", "get", "list"])
def test_a_run_leaves_its_figures(store, tmp_path: Path, operation: str) -> None:
    files = ["--json", str(tmp_path / "figures.json"), "--markdown", str(tmp_path / "table.md")]
    pids = ["--pids", str(os.getpid())]
    assert command.main([operation, "--endpoint", f"http://{store.endpoint}", *BASE, *files, *pids]) == 0
    rows = json.loads((tmp_path / "figures.json").read_text())["rows"]
    assert [row["concurrency"] for row in rows] == [1, 3]
    assert all(row["requests_count"] > 0 and row["errors"] == {} for row in rows)
    assert list(rows[0]["server_cpu_seconds"]) == [f"pid {os.getpid()}"]
    assert len((tmp_path / "table.md").read_text().splitlines()) >= 4


def test_a_ready_file_says_everything_a_run_needs(store, tmp_path: Path) -> None:
    node = {"name": "n1", "pid": os.getpid(), "s3": f"http://{store.endpoint}", "admin": "http://h:1", "data": "d"}
    ready = {"access_key": "A", "secret_key": "S", "region": "eu-west-3", "bucket": "demo", "nodes": [node]}
    (tmp_path / "ready").write_text(json.dumps(ready))
    arguments = ["put", "--ready-file", str(tmp_path / "ready"), "--seconds", "0.1", "--sizes", "1K"]
    assert command.main([*arguments, "--concurrency", "2"]) == 0
    assert "/eu-west-3/s3/" in store.heads[-1][2]["authorization"]


def test_any_error_fails_the_run_unless_it_was_allowed(store, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["put", "--endpoint", store.endpoint, *BASE]
    store.spoil = lambda _, path, status, body: (503 if path.endswith("/7") else status, body)
    assert command.main([*arguments, "--requests", "50"]) == 1
    assert "status 503" in capsys.readouterr().err
    assert command.main([*arguments, "--requests", "50", "--allow-errors"]) == 0


def test_a_cluster_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["put", "--endpoint", "127.0.0.1:1", *BASE]) == 2
    assert "ConnectionRefusedError" in capsys.readouterr().err
