"""`mys3d bench kill-node` as it is typed; what it does to real nodes: make bench-kill."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mys3d.bench.kill_node import Outcome
from mys3d.cli import bench_kill
from mys3d.cli.bench_kill import DevControl
from mys3d.cli.bench_servers import FreshCluster
from mys3d.cli.failure import Exit, Failure
from mys3d.config import generate_credentials, write_credentials
from mys3d.errors import Unavailable
from tests.bench.test_kill_report import outcome
from tests.bench.tiny_store import TinyStore, tiny_store

STATUS = {
    "health": "healthy",
    "nodes": [
        {"name": name, "role": role, "reachable": True, "state": "active"}
        for name, role in (("n1", "follower"), ("n2", "leader"), ("n3", "follower"))
    ],
    "copies": {"target": 3, "missing_blobs": 0},
    "layout": {"in_transition": False},
}


@pytest.fixture
def store() -> Iterator[TinyStore]:
    with tiny_store() as running:
        yield running


@pytest.fixture
def data(tmp_path: Path, store: TinyStore) -> Path:
    """The directory of a dev cluster whose three nodes are one tiny store."""
    folder = tmp_path / "data"
    for name in ("n1", "n2", "n3"):
        (folder / name).mkdir(parents=True)
        facts = {"name": name, "pid": os.getpid(), "s3": f"http://{store.endpoint}", "admin": "http://h:1"}
        (folder / name / "node.json").write_text(json.dumps(facts))
    (folder / "dev.json").write_text("{}")
    write_credentials(folder / "credentials", generate_credentials("us-east-1"))
    return folder


def admin(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    def ask_any(*_: Any) -> Any:
        if isinstance(answer, Failure):
            raise answer
        return answer

    monkeypatch.setattr(bench_kill.admin_client, "ask_any", ask_any)


def test_the_cluster_says_who_leads_and_whether_it_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    control = DevControl(Path("d"), 3)
    admin(monkeypatch, STATUS)
    assert (control.leader(), control.followers(), control.is_healed()) == ("n2", ["n1", "n3"], True)
    admin(monkeypatch, STATUS | {"copies": {"target": 3, "missing_blobs": 4}})
    assert not control.is_healed()
    admin(monkeypatch, STATUS | {"nodes": []})
    with pytest.raises(Unavailable, match="no leader"):
        control.leader()
    admin(monkeypatch, Failure("nobody answers"))
    assert not control.is_healed()
    with pytest.raises(Unavailable, match="nobody answers"):
        control.leader()


def test_nodes_are_killed_and_started_by_the_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []

    def ask(_: Path, verb: str, name: str) -> str:
        told.append((verb, name))
        if name == "n9":
            raise Failure("there is no node n9")
        return "done"

    monkeypatch.setattr(bench_kill, "ask_supervisor", ask)
    DevControl(Path("d"), 3).kill("n1")
    DevControl(Path("d"), 3).start("n1")
    assert told == [("kill", "n1"), ("start", "n1")]
    with pytest.raises(Unavailable, match="no node n9"):
        DevControl(Path("d"), 3).kill("n9")


def test_a_node_that_starts_for_longer_than_the_supervisor_is_listened_to_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failure = Failure("`mys3d dev` does not run", code=Exit.UNREACHABLE)

    def ask(*_: Any) -> str:
        raise failure

    monkeypatch.setattr(bench_kill, "ask_supervisor", ask)
    monkeypatch.setattr(bench_kill, "_POLL_SECONDS", 0.0)
    down = STATUS | {"nodes": [{"name": "n1", "role": "follower", "reachable": False, "state": "active"}]}
    answers: Any = iter([Failure("nobody answers"), down, STATUS])

    def ask_any(*_: Any) -> Any:
        answer = next(answers, down)
        if isinstance(answer, Failure):
            raise answer
        return answer

    monkeypatch.setattr(bench_kill.admin_client, "ask_any", ask_any)
    DevControl(Path("d"), 3).start("n1")
    monkeypatch.setattr(bench_kill, "START_SECONDS", 0.0)
    with pytest.raises(Unavailable, match="n1 did not serve within 0 s more"):
        DevControl(Path("d"), 3).start("n1")
    failure.code = Exit.NOT_FOUND
    with pytest.raises(Unavailable, match="does not run"):
        DevControl(Path("d"), 3).start("n1")


def run_with(monkeypatch: pytest.MonkeyPatch, found: Outcome) -> None:
    monkeypatch.setattr(bench_kill, "kill_node", lambda *_: found)


def test_a_sound_run_is_reported(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mys3d: Any) -> None:
    run_with(monkeypatch, outcome())
    monkeypatch.setattr(bench_kill.kill_report, "has_matplotlib", lambda: False)
    monkeypatch.setattr(bench_kill.charts, "has_matplotlib", lambda: False)
    result = mys3d("bench", "kill-node", "--data", data, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("**sound: 1234 acknowledged")
    assert "no chart: it needs matplotlib" in result.stderr
    assert json.loads((tmp_path / "out" / "result.json").read_text())["settings"]["calm"] == 10.0


def test_a_lost_object_fails_the_run(data: Path, monkeypatch: pytest.MonkeyPatch, mys3d: Any) -> None:
    run_with(monkeypatch, outcome(lost=["bench/kill/1-4096"]))
    result = mys3d("bench", "kill-node", "--data", data, "--keep")
    assert result.exit_code == 1
    assert "lost: bench/kill/1-4096" in result.stdout


def test_a_fresh_cluster_is_taken_without_a_directory(data: Path, monkeypatch: pytest.MonkeyPatch, mys3d: Any) -> None:
    @contextmanager
    def fresh(nodes: int) -> Iterator[FreshCluster]:
        assert nodes == 4
        yield FreshCluster(data, data / "ready")

    monkeypatch.setattr(bench_kill, "fresh_cluster", fresh)
    run_with(monkeypatch, outcome())
    assert mys3d("bench", "kill-node", "--nodes", "4").exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--victim", "n7"], 6, "there is no node n7"),
        (["--calm", "never"], 2, "expected a time"),
        (["--size", "0"], 2, "expected a size"),
        (["--nodes", "2"], 2, "3<=x<=9"),
    ],
)
def test_what_cannot_be_run_is_told(words: list[str], code: int, message: str, data: Path, mys3d: Any) -> None:
    result = mys3d("bench", "kill-node", "--data", data, *words)
    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr


def test_a_cluster_that_cannot_lose_a_node_is_refused(data: Path, mys3d: Any) -> None:
    (data / "n3" / "node.json").unlink()
    result = mys3d("bench", "kill-node", "--data", data)
    assert result.exit_code == 7
    assert "2 nodes run here: 3 are needed" in result.stderr


def test_a_cluster_that_refuses_the_bucket_is_told(data: Path, store: TinyStore, mys3d: Any) -> None:
    store.spoil = lambda *_: (403, b"")
    result = mys3d("bench", "kill-node", "--data", data)
    assert result.exit_code == 4
    assert "made no bucket" in result.stderr
