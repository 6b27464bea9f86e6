"""The supervisor with real processes that are stand-ins for nodes."""

import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from mys3d.cli.dev_control import ask_supervisor
from mys3d.cli.dev_plan import DevPlan
from mys3d.cli.dev_supervisor import Supervisor, is_settled
from mys3d.cli.failure import Failure, failure_of
from mys3d.cli.nodes import is_alive, read_node

LIMIT_SECONDS = 30


@asynccontextmanager
async def running(plan: DevPlan, ready_file: Path | None = None) -> AsyncIterator[tuple[Supervisor, list[str]]]:
    """A supervisor that has announced itself; stopped at the end, whatever happens."""
    said: list[str] = []
    announced = trio.Event()
    supervisor = Supervisor(plan, said.append)

    def announce(seconds: float, is_settled: bool) -> None:
        said.append(f"ready, settled: {is_settled}")
        announced.set()

    with trio.fail_after(LIMIT_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.run, announce, ready_file)
            await announced.wait()
            yield supervisor, said
            nursery.cancel_scope.cancel()


async def until(statement: Callable[[], Any]) -> None:
    with trio.fail_after(LIMIT_SECONDS):
        while True:
            if statement():
                return
            await trio.sleep(0.02)


async def test_the_first_node_starts_and_the_others_join(plan: DevPlan, tmp_path: Path) -> None:
    ready_file = tmp_path / "out" / "ready.json"
    ready_file.parent.mkdir()
    async with running(plan, ready_file) as (_, said):
        facts = json.loads(ready_file.read_text())
        assert [node["name"] for node in facts["nodes"]] == ["n1", "n2", "n3"]
        assert all(is_alive(node["pid"]) for node in facts["nodes"])
        assert (facts["access_key"], facts["bucket"], facts["region"]) == ("THEKEY", "demo", "us-east-1")
        assert facts["nodes"][2]["s3"] == f"http://127.0.0.1:{plan.nodes[0].port + 20}"
        assert "ready, settled: True" in said
    assert not [node for node in facts["nodes"] if is_alive(node["pid"])]


async def test_a_later_run_starts_the_same_members(plan: DevPlan) -> None:
    async with running(plan):
        pass
    async with running(plan) as (supervisor, _):  # the stand-in refuses to join twice
        assert all(supervisor.pids().values())


async def test_nothing_but_the_plan_configures_a_node(plan: DevPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_PORT", "1")
    monkeypatch.setenv("MYS3D_ZONE", "elsewhere")
    async with running(plan):
        named = [
            "MYS3D_ACCESS_KEY", "MYS3D_LOG_KEEP_ENTRIES", "MYS3D_PEERS_BULK", "MYS3D_REGION", "MYS3D_SECRET_KEY",
        ]  # fmt: skip
        assert f"environment: {named}" in plan.nodes[1].log.read_text()


async def test_a_node_that_dies_unasked_is_started_again(plan: DevPlan) -> None:
    async with running(plan) as (supervisor, said):
        before = supervisor.pids()["n2"]
        os.kill(before, signal.SIGKILL)
        await until(lambda: supervisor.pids()["n2"] not in (0, before))
        assert any("n2 ended unasked (SIGKILL)" in sentence for sentence in said)


async def test_a_killed_node_stays_down_until_it_is_started(plan: DevPlan) -> None:
    async with running(plan) as (supervisor, _):
        said = await trio.to_thread.run_sync(ask_supervisor, plan.data, "kill", "n2")
        assert said == "n2 is down (SIGKILL)"
        assert supervisor.pids()["n2"] == 0
        await trio.testing.wait_all_tasks_blocked(0.4)
        assert supervisor.pids()["n2"] == 0
        await trio.to_thread.run_sync(ask_supervisor, plan.data, "start", "n2")
        assert supervisor.pids()["n2"]


async def test_an_unknown_node_is_refused_with_the_names_there_are(plan: DevPlan) -> None:
    async with running(plan):
        with pytest.raises(Failure) as caught:
            await trio.to_thread.run_sync(ask_supervisor, plan.data, "kill", "n9")
    assert caught.value.message == "there is no node n9"
    assert caught.value.hint == "nodes: n1, n2, n3"


async def test_a_wrong_secret_is_refused(plan: DevPlan) -> None:
    async with running(plan):
        path = plan.data / "dev.json"
        facts = json.loads(path.read_text())
        path.write_text(json.dumps(facts | {"secret": "guessed"}))
        with pytest.raises(Failure, match=r"the secret of dev\.json is another one"):
            await trio.to_thread.run_sync(ask_supervisor, plan.data, "kill", "n2")


async def test_nodes_that_cannot_start_end_everything_and_show_their_log(plan: DevPlan) -> None:
    (plan.data / "refuse").touch()
    with pytest.raises(ExceptionGroup) as caught, trio.fail_after(LIMIT_SECONDS):
        await Supervisor(plan, lambda _: None).run(lambda *_: None, None)
    failure = failure_of(caught.value)
    assert failure is not None
    assert "n1 could not start (exit 1)" in failure.message
    assert "n1 | this node was told to refuse" in failure.message


async def test_nodes_end_by_themselves_when_the_supervisor_is_killed(plan: DevPlan) -> None:
    async with running(plan) as (supervisor, _):
        process = supervisor.processes["n3"].process
        assert process is not None and process.stdin is not None
        before = process.pid
        await process.stdin.aclose()  # what the kernel does when the supervisor dies
        await until(lambda: not is_alive(before))


async def test_a_long_log_is_kept_once_and_emptied(plan: DevPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mys3d.cli.dev_process.LOG_BYTES_MAX", 100)
    plan.nodes[0].data.mkdir()
    plan.nodes[0].log.write_text("old line\n" * 50)
    async with running(plan):
        assert plan.nodes[0].log.stat().st_size < 400
        assert plan.nodes[0].log.with_name("log.1").read_text() == "old line\n" * 50


def test_a_cluster_is_settled_only_when_nothing_moves_or_is_missing() -> None:
    status: dict[str, Any] = {
        "nodes": [{"reachable": True, "state": "active"}] * 3,
        "health": "healthy",
        "layout": {"in_transition": False},
        "copies": {"target": 3, "missing_blobs": 0},
    }
    assert is_settled(status, 3)
    assert not is_settled(status, 4)
    assert not is_settled(status | {"health": "degraded"}, 3)
    assert not is_settled(status | {"layout": {"in_transition": True}}, 3)
    assert not is_settled(status | {"copies": {"target": 3, "missing_blobs": 1}}, 3)
    assert not is_settled(status | {"copies": {"target": 2, "missing_blobs": 0}}, 3)
    assert not is_settled(status | {"nodes": [{"reachable": True, "state": "joining"}] * 3}, 3)
    assert is_settled(status | {"health": "degraded"}, 2)


async def test_a_running_node_is_found_by_what_it_wrote(plan: DevPlan) -> None:
    async with running(plan):
        node = read_node(plan.nodes[1].data)
        assert node is not None
        assert (node.name, node.admin) == ("n2", str(plan.nodes[1].admin))
    assert read_node(plan.nodes[1].data) is None
