"""One node of `mys3d dev` as a process: started, watched, restarted, killed.        Floor: top.

Called by: dev_supervisor. Law: a node that dies unasked is started again, each time a little later; one
that was killed on purpose stays down.
"""

import enum
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import trio

from mys3d.cli.dev_plan import DevNode, DevPlan
from mys3d.cli.failure import Failure
from mys3d.cli.nodes import IDENTITY_NAME
from mys3d.limits import MIB

RESTART_FIRST_SECONDS: Final = 0.25
RESTART_MAX_SECONDS: Final = 10.0
STEADY_SECONDS: Final = 20.0  # a node that lived this long starts its back-off from the beginning
FIRST_ATTEMPTS_MAX: Final = 3  # of a node that has not served yet
STOP_SECONDS: Final = 15.0
LOG_BYTES_MAX: Final = 8 * MIB
LOG_LINES_SHOWN: Final = 15


class Wish(enum.Enum):
    """What the operator wants of a node."""

    UP = "up"
    DOWN = "down"


@dataclass(slots=True)
class DevProcess:
    """The process of one node, and whether it should live."""

    plan: DevPlan
    node: DevNode
    say: Callable[[str], None]
    wish: Wish = Wish.UP
    has_served: bool = False
    process: trio.Process | None = None
    wanted: trio.Event = field(default_factory=trio.Event)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.returncode is None else None

    async def live(self, token: str | None) -> None:
        """Keep the node running. The first process uses `token` (None: `start`), every later one is a `start`.

        Raises Failure when it never came to serve and its first attempts all ended: more of them would not mend that.
        """
        delay, attempts = RESTART_FIRST_SECONDS, 0
        while True:
            started = trio.current_time()
            code = await self._run(None if is_member(self.node) else token)
            if self.wish is Wish.DOWN:
                await self.wanted.wait()
                delay = RESTART_FIRST_SECONDS
                continue
            attempts += 1
            if not self.has_served and (token is not None or attempts == FIRST_ATTEMPTS_MAX):
                raise Failure(f"{self.node.name} could not start ({ending(code)})\n{self.log_tail()}")
            delay = RESTART_FIRST_SECONDS if trio.current_time() - started > STEADY_SECONDS else delay
            self.say(f"{self.node.name} ended unasked ({ending(code)}), again in {delay:g} s; log: {self.node.log}")
            await trio.sleep(delay)
            delay = min(delay * 2, RESTART_MAX_SECONDS)

    async def _run(self, token: str | None) -> int:
        """One process from its start to its end. Returns its exit code, negative for a signal."""
        self.node.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.rotate_log()
        with self.node.log.open("ab") as log:
            self.process = await trio.lowlevel.open_process(
                self.plan.command(self.node, token),
                stdin=subprocess.PIPE,  # never written to: when we die it closes, and the node stops
                stdout=log,
                stderr=log,
                cwd=self.plan.data,
                env=self.plan.environment(dict(os.environ)),
                process_group=0,  # Ctrl-C is for the supervisor alone: it stops the nodes in good order
            )
        code: int = await self.process.wait()
        return code

    def kill(self) -> None:
        """End the process at once, as a power cut would, and leave it down."""
        self.wish = Wish.DOWN
        self.wanted = trio.Event()
        self._signal(signal.SIGKILL)

    def revive(self) -> None:
        self.wish = Wish.UP
        self.wanted.set()

    async def stop(self) -> None:
        """Ask the process to end in good order; insist after a while."""
        if self.process is None:
            return
        self._signal(signal.SIGTERM)
        with trio.move_on_after(STOP_SECONDS) as scope:
            await self.process.wait()
        if scope.cancelled_caught:
            self.say(f"{self.node.name} did not stop within {STOP_SECONDS:g} s and was killed")
            self._signal(signal.SIGKILL)
            await self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)

    def rotate_log(self) -> None:
        """Keep one older log. The node appends, so emptying the file under it is safe."""
        log = self.node.log
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.with_name("log.1").write_bytes(log.read_bytes())
            os.truncate(log, 0)

    def log_tail(self) -> str:
        """The last lines of the log, for an operator to read."""
        if not self.node.log.exists():
            return ""
        lines = self.node.log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return "\n".join(f"  {self.node.name} | {line}" for line in lines)


def is_member(node: DevNode) -> bool:
    """True when the directory belongs to a member of a cluster: it is started, never joined again."""
    return (node.data / IDENTITY_NAME).exists()


def ending(code: int) -> str:
    return f"exit {code}" if code >= 0 else signal.Signals(-code).name
