"""node.json is there while the node serves, and never longer."""

import json
import os
from pathlib import Path

import pytest

from mys3d.model.members import Addresses
from mys3d.node.node_file import NODE_FILE, announced

ADDRESSES = Addresses("127.0.0.1:9000", "127.0.0.1:9001", "127.0.0.1:9002")


def test_the_file_tells_name_process_and_addresses(tmp_path: Path) -> None:
    with announced(tmp_path, "n1", ADDRESSES):
        facts = json.loads((tmp_path / NODE_FILE).read_text())
    assert facts == {
        "name": "n1",
        "pid": os.getpid(),
        "s3": "127.0.0.1:9000",
        "admin": "127.0.0.1:9001",
        "peers": "127.0.0.1:9002",
    }


def test_the_file_goes_with_the_node_also_when_it_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="fault"), announced(tmp_path, "n1", ADDRESSES):
        raise RuntimeError("fault")
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_a_dead_node_is_replaced(tmp_path: Path) -> None:
    (tmp_path / NODE_FILE).write_text("left behind")
    with announced(tmp_path, "n2", ADDRESSES):
        assert json.loads((tmp_path / NODE_FILE).read_text())["name"] == "n2"
