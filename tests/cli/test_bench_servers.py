"""Stores that are started for a run, and ended after it."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mys3d.bench.sign import Keys
from mys3d.cli import bench_servers
from mys3d.cli.bench_servers import free_ports, local_target, served
from mys3d.cli.bench_targets import Givers
from mys3d.cli.failure import Exit, Failure

NOBODY = Givers((), (), "us-east-1", {})
SERVER = f"{sys.executable} -m http.server --bind 127.0.0.1 --directory {{dir}} {{port}}"


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_server_runs_while_it_is_needed_and_its_cpu_is_counted() -> None:
    with served(f"web={SERVER}", NOBODY, "bench") as target:
        (pid,) = target.pids.values()
        assert is_running(pid)
        assert (target.name, target.keys.access_key) == ("web", "bench")
    assert not is_running(pid)


def test_a_server_may_have_keys_and_processes_of_its_own() -> None:
    with served(f"web={SERVER}", Givers(("web=K:S",), (f"web={os.getpid()}",), "r", {}), "bench") as target:
        assert (target.keys, target.pids) == (Keys("K", "S", "r"), {f"pid {os.getpid()}": os.getpid()})


@pytest.mark.parametrize(
    ("text", "message", "code"),
    [
        ("web", "--serve: expected NAME='COMMAND with {port}'", Exit.USAGE),
        ("web=true", "--serve web: expected a command with {port} in it, found true", Exit.USAGE),
        ("web=/nowhere/server {port}", "/nowhere/server does not start", Exit.NOT_FOUND),
        ("web=sh -c 'echo no {port}; exit 3'", "web ended at once\nno ", Exit.UNREACHABLE),
    ],
)
def test_a_server_that_does_not_start_is_told(text: str, message: str, code: Exit) -> None:
    with pytest.raises(Failure) as refused, served(text, NOBODY, "bench"):
        pass
    assert refused.value.message.startswith(message)
    assert refused.value.code == code


def test_a_server_that_never_answers_is_told_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_servers, "START_SECONDS", 0.3)
    with pytest.raises(Failure, match=r"did not answer within 0\.3 s"), served("s=sleep 100{port}", NOBODY, "b"):
        pass


def test_a_server_that_does_not_end_when_told_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_servers, "STOP_SECONDS", 0.2)
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import sys; sys.argv[1:] = ['{port}']; " + (
        "from http.server import test; test(port=int(sys.argv[1]), bind='127.0.0.1')"
    )
    with served(f'web={sys.executable} -c "{code}"', NOBODY, "bench") as target:
        (pid,) = target.pids.values()
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(pid)


def test_a_fresh_cluster_is_formed_by_the_ordinary_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A stand-in for `mys3d dev`: it writes the ready file and waits to be told to stop."""
    program = tmp_path / "mys3d.py"
    program.write_text(
        "import json, os, sys, time\n"
        "assert 'MYS3D_PORT' not in os.environ  # nothing of this shell configures the cluster\n"
        "words = dict(zip(sys.argv[2::2], sys.argv[3::2]))\n"
        "nodes = [{'name': f'n{k}', 'pid': k, 's3': f'http://127.0.0.1:{int(words[\"--port\"]) + 10 * k - 10}'}\n"
        "         for k in range(1, int(words['--nodes']) + 1)]\n"
        "open(words['--ready-file'], 'w').write(json.dumps(\n"
        "    {'access_key': 'A', 'secret_key': 'S', 'region': 'r', 'nodes': nodes}))\n"
        "time.sleep(60)\n"
    )
    monkeypatch.setenv("MYS3D_PORT", "1")
    with local_target(3, "bench", (sys.executable, str(program))) as target:
        assert (target.name, list(target.pids)) == ("mys3d", ["n1", "n2", "n3"])


def test_a_run_of_free_ports_is_found_or_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert free_ports(3) % 10 == 0
    answers: Any = iter([False] * 5)
    monkeypatch.setattr(bench_servers, "_is_free", lambda port: next(answers, True))
    free_ports(1)
    monkeypatch.setattr(bench_servers, "_is_free", lambda port: False)
    with pytest.raises(Failure, match="no 9 ports are free"):
        free_ports(3)
