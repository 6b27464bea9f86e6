"""What `start` and `join` refuse before a node exists. Nodes that run are the matter of tests/system."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.free_ports import free_port_run


def test_a_wrong_configuration_starts_nothing(mys3d: Any) -> None:
    result = mys3d("start", "--port", "0")
    assert result.exit_code == 3
    assert "Traceback" not in result.output


def test_a_dev_directory_is_no_nodes_directory(mys3d: Any, tmp_path: Path) -> None:
    (tmp_path / "dev.json").touch()
    result = mys3d("start", "--data", tmp_path)
    assert result.exit_code == 7
    assert "is a directory of `mys3d dev`" in result.stderr


def test_a_node_that_runs_is_not_started_twice(mys3d: Any, tmp_path: Path) -> None:
    program = [sys.executable, "-c", "print(flush=True); input()", "mys3d"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        facts = {"name": "n1", "pid": process.pid, "s3": "a:1", "admin": "a:2", "peers": "a:3"}
        (tmp_path / "node.json").write_text(json.dumps(facts))
        result = mys3d("start", "--data", tmp_path)
        process.communicate(b"\n")
    assert result.exit_code == 7
    assert f"n1 (process {process.pid}) runs in {tmp_path} already" in result.stderr


def test_a_member_does_not_join_again(mys3d: Any, tmp_path: Path) -> None:
    (tmp_path / "identity").touch()
    result = mys3d("join", "MYS1.x", "--data", tmp_path)
    assert result.exit_code == 7
    assert f"-> run it: mys3d start --data {tmp_path}" in result.stderr


def test_a_taken_port_is_named_before_anything_is_written(mys3d: Any, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = min(listener.getsockname()[1], 65_533)
        result = mys3d("start", "--data", tmp_path / "new", "--bind", "127.0.0.1", "--port", port)
    assert result.exit_code == 1
    assert f"S3 port {port} taken by process {os.getpid()}" in result.stderr
    assert not (tmp_path / "new").exists()


def test_join_needs_a_token(mys3d: Any) -> None:
    result = mys3d("join")
    assert result.exit_code == 2
    assert "Missing argument 'TOKEN'" in result.stderr


def test_a_member_that_cannot_be_reached_is_named_with_where_to_look(mys3d: Any, tmp_path: Path) -> None:
    token = f"MYS1.{'a' * 64}.{'b' * 32}@127.0.0.1:1"
    result = mys3d("join", token, "--data", tmp_path / "new", "--bind", "127.0.0.1", "--port", free_port_run(1))
    assert result.exit_code == 4
    assert "no node answers at 127.0.0.1:1" in result.stderr
    assert "-> look whether that member runs, and whether this machine reaches 127.0.0.1:1" in result.stderr


def test_a_text_that_is_no_token_is_told_without_a_place_to_look(mys3d: Any, tmp_path: Path) -> None:
    result = mys3d("join", "nonsense", "--data", tmp_path / "new", "--bind", "127.0.0.1", "--port", free_port_run(1))
    assert result.exit_code == 4
    assert "copy the whole line" in result.stderr
    assert "->" not in result.stderr
