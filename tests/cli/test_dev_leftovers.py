"""What a killed supervisor leaves behind."""

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
        said: list[str] = []
        assert is_node_of(process.pid, node.data)
        end_leftovers([node], said.append, patience=0.2)
        assert process.wait(10) == -9
    assert len(said) == 1


def test_a_process_of_another_directory_is_left_alone(tmp_path: Path) -> None:
    first, second = plan_nodes(tmp_path, 9000, 2)
    sleeper = "import sys; print(flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", sleeper, "mys3d", "start", "--data", str(second.data)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        end_leftovers([first], lambda sentence: pytest.fail(sentence), patience=0.1)
        assert process.poll() is None
        process.stdin.close()


def test_nothing_left_is_nothing_to_do(tmp_path: Path) -> None:
    end_leftovers(plan_nodes(tmp_path, 9000, 3), lambda sentence: pytest.fail(sentence))
