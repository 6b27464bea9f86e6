"""`mys3d dev`: forms a cluster the one way there is, and keeps it running.        Floor: top. Called by: dev_commands.

Law: nodes are ordinary processes that were started and joined by the ordinary commands; the supervisor only types
them. It stops them all when it is told to stop, and they stop by themselves when it is killed.
"""

import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio

from mys3d.cli import admin_client
from mys3d.cli.dev_control import serve_control
from mys3d.cli.dev_plan import HOST, DevNode, DevPlan, ready_facts, write_whole
from mys3d.cli.dev_process import DevProcess, Wish, is_member
from mys3d.cli.failure import Exit, Failure
from mys3d.cli.nodes import DEV_FILE, RunningNode
from mys3d.limits import replicas_max

SERVE_SECONDS: Final = 60.0
SETTLE_SECONDS: Final = 20.0  # votes and copies follow a join; a large directory may need longer and says so
POLL_SECONDS: Final = 0.05
STATUS_SECONDS: Final = 0.15  # a status asks every node: not more often than needed
LOG_CHECK_SECONDS: Final = 30.0
REDUNDANT_COUNT: Final = 3  # nodes below which losing one stops the writes


@dataclass(slots=True)
class Supervisor:
    """The processes of one dev cluster."""

    plan: DevPlan
    say: Callable[[str], None]
    processes: dict[str, DevProcess] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.processes = {node.name: DevProcess(self.plan, node, self.say) for node in self.plan.nodes}

    async def run(self, announce: Callable[[float, bool], None], ready_file: Path | None) -> None:
        """Run until SIGINT or SIGTERM. `announce` hears the seconds it took and whether all is settled."""
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._cancel_on_signal, signals, nursery.cancel_scope)
                    await self._run(nursery, announce, ready_file)
            finally:
                with trio.CancelScope(shield=True):
                    await self._stop_all(signals)

    async def _run(
        self, nursery: trio.Nursery, announce: Callable[[float, bool], None], ready_file: Path | None
    ) -> None:
        started = trio.current_time()
        await self._open_control(nursery)
        nursery.start_soon(self._rotate_logs)
        await self._form(nursery)
        is_settled = await self._settled()
        if ready_file is not None:
            write_whole(ready_file, ready_facts(self.plan, self.pids()))
        announce(trio.current_time() - started, is_settled)
        await trio.sleep_forever()

    def pids(self) -> dict[str, int]:
        return {name: process.pid or 0 for name, process in self.processes.items()}

    async def _form(self, nursery: trio.Nursery) -> None:
        """Start the members; when there is none, n1 becomes a cluster of one. All others join."""
        members = [node for node in self.plan.nodes if is_member(node)] or [self.plan.nodes[0]]
        for node in members:
            nursery.start_soon(self.processes[node.name].live, None)
        for node in members:
            await self._serves(node)
        for node in self.plan.nodes:
            if node not in members:
                nursery.start_soon(self.processes[node.name].live, await self._token(members[0]))
        for node in self.plan.nodes:
            await self._serves(node)

    async def _token(self, member: DevNode) -> str:
        """Type `mys3d token`."""
        words = [*self.plan.program, "token", "--data", str(member.data)]
        done = await trio.run_process(
            words,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            cwd=self.plan.data,
            env=self.plan.environment(dict(os.environ)),
        )
        if done.returncode != 0:
            raise Failure(f"mys3d token failed: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode().strip()

    async def _serves(self, node: DevNode) -> None:
        process = self.processes[node.name]
        with trio.move_on_after(SERVE_SECONDS):
            while process.wish is Wish.UP:
                if await trio.to_thread.run_sync(admin_client.health, str(node.admin), "ready"):
                    process.has_served = True
                    return
                await trio.sleep(POLL_SECONDS)
        if process.wish is Wish.UP:
            raise Failure(f"{node.name} did not serve within {SERVE_SECONDS:g} s\n{process.log_tail()}")

    async def _settled(self) -> bool:
        """Wait until every node is a full member and nothing is missing; False: it takes longer than we wait."""
        first = self.plan.nodes[0]
        member = RunningNode(first.name, 0, str(first.s3), str(first.admin), first.data)
        with trio.move_on_after(SETTLE_SECONDS):
            while True:
                try:
                    status = await trio.to_thread.run_sync(partial(admin_client.ask, member, "GET", "/status"))
                    if is_settled(status, len(self.plan.nodes)):
                        return True
                except Failure:
                    if self.processes[first.name].wish is Wish.DOWN:
                        return False
                await trio.sleep(STATUS_SECONDS)
        return False

    async def _open_control(self, nursery: trio.Nursery) -> None:
        (listener,) = await trio.open_tcp_listeners(0, host=HOST)
        secret = secrets.token_hex(16)
        facts = {
            "nodes": len(self.plan.nodes),
            "port": self.plan.nodes[0].port,
            "pid": os.getpid(),
            "control": listener.socket.getsockname()[1],
            "secret": secret,
        }
        write_whole(self.plan.data / DEV_FILE, facts)
        nursery.start_soon(serve_control, listener, secret, self._handle)

    async def _handle(self, verb: str, name: str) -> str:
        """Do what `mys3d dev kill` and `mys3d dev start` ask."""
        process = self.processes[self.plan.node(name).name]
        match verb:
            case "kill":
                process.kill()
                if process.process is not None:
                    await process.process.wait()
                self.say(f"{name} was killed and stays down until: mys3d dev start {name}")
                return f"{name} is down (SIGKILL)"
            case "start":
                process.revive()
                await self._serves(process.node)
                self.say(f"{name} is up again")
                return f"{name} is up"
        raise Failure(f"there is no command {verb}", code=Exit.USAGE)

    async def _cancel_on_signal(self, signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
        await anext(signals)
        self.say("stopping, data is kept")
        scope.cancel()

    async def _rotate_logs(self) -> None:
        while True:
            await trio.sleep(LOG_CHECK_SECONDS)
            for process in self.processes.values():
                process.rotate_log()

    async def _stop_all(self, signals: AsyncIterator[int]) -> None:
        """All at once: no node waits for a majority that has gone before it. A second Ctrl-C kills."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._kill_on_signal, signals)
            async with trio.open_nursery() as stopping:
                for process in self.processes.values():
                    stopping.start_soon(process.stop)
            nursery.cancel_scope.cancel()

    async def _kill_on_signal(self, signals: AsyncIterator[int]) -> None:
        async for _ in signals:
            for process in self.processes.values():
                process.kill()


def is_settled(status: dict[str, Any], count: int) -> bool:
    """True when `count` members are well, and nothing moves or is missing; fewer than three are never healthy."""
    return (
        len(status["nodes"]) >= count
        and all(node["reachable"] and node["state"] == "active" for node in status["nodes"])
        and (status["health"] == "healthy" or count < REDUNDANT_COUNT)
        and status["copies"]["target"] >= min(replicas_max, count)
        and not status["layout"]["in_transition"]
        and not status["copies"]["missing_blobs"]
    )
