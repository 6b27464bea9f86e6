"""What a killed supervisor leaves behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mys3d.cli.dev_leftovers import end_leftovers, is_node_of, only_supervisor
from mys3d.cli.dev_plan import plan_nodes
from mys3d.cli.failure import Exit, Failure


def test_one_directory_has_one_supervisor(tmp_path: Path) -> None:
    with only_supervisor(tmp_path), pytest.raises(Failure) as caught, only_supervisor(tmp_path):
        raise AssertionError("two supervisors")
    assert caught.value.code == Exit.REFUSED
    with only_supervisor(tmp_path):
        assert (tmp_path / "dev.lock").exists()


def test_a_node_that_does_not_end_by_itself_is_killed(tmp_path: Path) -> None:
    (node,) = plan_nodes(tmp_path, 9000, 1)
    node.data.mkdir()
    sleeper = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", sleeper, "mys3d", "start", "--data", str(node.data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        write_node_file(node.data, process.pid)
        said: list[str] = []
        assert is_node_of(process.pid, node.data)
        end_leftovers([node], said.append, patience=0.2)
        assert process.wait(10) == -9
    assert len(said) == 1


def test_a_process_that_is_not_our_node_is_left_alone(tmp_path: Path) -> None:
    (node,) = plan_nodes(tmp_path, 9000, 1)
    node.data.mkdir()
    write_node_file(node.data, os.getpid())  # the number was given to another process since
    end_leftovers([node], lambda _: None, patience=0.1)


def test_nothing_left_is_nothing_to_do(tmp_path: Path) -> None:
    end_leftovers(plan_nodes(tmp_path, 9000, 3), lambda sentence: pytest.fail(sentence))


def write_node_file(data: Path, pid: int) -> None:
    facts = {"name": "n1", "pid": pid, "s3": "127.0.0.1:1", "admin": "127.0.0.1:2", "peers": "127.0.0.1:3"}
    (data / "node.json").write_text(json.dumps(facts))
