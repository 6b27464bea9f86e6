"""Running nodes of this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mys3d.cli.failure import Exit, Failure
from mys3d.cli.nodes import bare, other_node, read_node, running_nodes

DEAD_PID = 2**22 + 1  # above the largest process id of Linux


def write_node(data: Path, name: str, pid: int) -> None:
    data.mkdir(parents=True, exist_ok=True)
    facts = {
        "name": name,
        "pid": pid,
        "s3": "http://0.0.0.0:9000",
        "admin": "127.0.0.1:9001",
        "peers": "127.0.0.1:9002",
    }
    (data / "node.json").write_text(json.dumps(facts))


def test_a_node_is_running_when_its_process_is_alive(tmp_path: Path) -> None:
    write_node(tmp_path, "n1", os.getpid())
    node = read_node(tmp_path)
    assert node is not None
    assert (node.name, node.s3, node.admin) == ("n1", "127.0.0.1:9000", "127.0.0.1:9001")
    write_node(tmp_path, "n1", DEAD_PID)
    assert read_node(tmp_path) is None


def test_a_file_that_no_node_writes_is_named(tmp_path: Path) -> None:
    (tmp_path / "node.json").write_text('{"name": "n1"}')
    with pytest.raises(Failure, match="is not what a node writes") as caught:
        read_node(tmp_path)
    assert caught.value.hint.startswith("remove that file")


@pytest.mark.parametrize("left", ["", '{"name": "n1"}', "\0\0\0\0"])
def test_what_a_power_cut_left_of_the_file_is_no_other_node(tmp_path: Path, left: str) -> None:
    (tmp_path / "node.json").write_text(left)
    assert other_node(tmp_path) is None


@pytest.mark.parametrize(("words", "is_node"), [(["mys3d"], True), (["/usr/bin/mys3d"], True), ([], False)])
def test_another_node_is_one_that_another_mys3d_process_runs(tmp_path: Path, words: list[str], is_node: bool) -> None:
    program = [sys.executable, "-c", "print(flush=True); input()", *words]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        write_node(tmp_path, "n1", process.pid)
        assert (other_node(tmp_path) is not None) == is_node
        process.communicate(b"\n")
    assert other_node(tmp_path) is None


def test_a_process_id_that_came_back_as_ours_is_no_other_node(tmp_path: Path) -> None:
    write_node(tmp_path, "n1", os.getpid())
    assert other_node(tmp_path) is None


def test_a_dev_directory_offers_its_live_nodes_in_order(tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_text("{}")
    for name, pid in (("n10", os.getpid()), ("n2", os.getpid()), ("n1", DEAD_PID)):
        write_node(tmp_path / name, name, pid)
    assert [node.name for node in running_nodes(tmp_path)] == ["n2", "n10"]


def test_without_a_running_node_the_command_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        running_nodes(tmp_path)
    assert caught.value.code == Exit.UNREACHABLE
    assert caught.value.hint == f"start it: mys3d start --data {tmp_path}"
    with pytest.raises(Failure) as caught:
        running_nodes(tmp_path / "absent")
    assert caught.value.code == Exit.NOT_FOUND


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("http://10.0.0.1:9000", "10.0.0.1:9000"),
        ("10.0.0.1:9000", "10.0.0.1:9000"),
        ("0.0.0.0:9001", "127.0.0.1:9001"),
        ("http://[::]:9001", "[::1]:9001"),
    ],
)
def test_an_address_is_reduced_to_what_can_be_connected_to(written: str, address: str) -> None:
    assert bare(written) == address
