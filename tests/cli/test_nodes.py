"""Running nodes of this machine."""

import json
import os
from pathlib import Path

import pytest

from mys3d.cli.failure import Exit, Failure
from mys3d.cli.nodes import bare, read_node, running_nodes

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
