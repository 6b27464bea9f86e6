"""A cluster of real processes that a campaign may kill, pause and start again.        Floor: tests.

Law: a node that ends unasked is remembered with the end of its log and started again, as a supervisor would; all
processes die with this one.
"""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mys3d.cli.admin_client import admin_token
from tests.campaigns.client import Keys

START_SECONDS = 90.0
HEAL_SECONDS = 120.0
TEND_SECONDS = 0.02
RESTART_SECONDS = 0.25
KEYS = Keys("CAMPAIGNKEY", "campaign-secret-key")
BUCKET = "campaign"
SHORT_LOG = {"MYS3D_LOG_KEEP_ENTRIES": "100"}  # the log is cut all the time, and who was away installs a snapshot
HASTE = {"MYS3D_GC_PERIOD_MS": "1000"}  # deleted blobs go within seconds; what needs them yet must keep them


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node runs. `wrapper`: words before the program, such as those that enter a namespace."""

    name: str
    host: str
    port: int
    data: Path
    log: Path
    wrapper: tuple[str, ...] = ()


@dataclass(slots=True)
class Node:
    place: Place
    process: subprocess.Popen[bytes] | None = None
    is_wanted: bool = True
    start_at: float = 0.0  # a restart waits until then
    starts_count: int = 0

    @property
    def name(self) -> str:
        return self.place.name

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def log_tail(self, lines: int = 12) -> str:
        return "\n".join(self.place.log.read_text(errors="replace").splitlines()[-lines:])


@dataclass
class Cluster:
    """The nodes in the order in which they joined."""

    places: list[Place]
    extra: tuple[str, ...] = ()  # words of the command line that every node gets
    environment: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, Node] = field(init=False)
    crashes: list[str] = field(default_factory=list)  # nodes that ended unasked, with the end of their logs
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.nodes = {place.name: Node(place) for place in self.places}

    @property
    def names(self) -> list[str]:
        return list(self.nodes)

    def form(self) -> None:
        """Start the first node, join the others one after the other, wait until all is well."""
        first, *others = self.places
        self.launch(first.name, None)
        self.wait_for(lambda: self._answers(first.name), START_SECONDS, f"{first.name} serves")
        for place in others:
            self.launch(place.name, self.token())
            self.wait_for(self.is_healthy, START_SECONDS, f"{place.name} has joined")
        self.heal()

    def _voters_wanted(self) -> int:
        return {1: 1, 2: 2, 3: 3, 4: 3}.get(len(self.places), 5)

    def voters(self) -> int:
        status = self.status()
        return sum(node["role"] != "learner" for node in status["nodes"]) if status else 0

    # --- processes ---------------------------------------------------------------------------------------------

    def launch(self, name: str, token: str | None = None) -> None:
        """Start the process: `join` with a token, `start` without. Main thread only: it dies with this thread."""
        node = self.nodes[name]
        place = node.place
        place.data.mkdir(parents=True, exist_ok=True)
        words = ["start"] if token is None else ["join", token]
        words += ["--data", str(place.data), "--name", name, "--zone", name, "--port", str(place.port)]
        words += ["--bind", place.host, "--advertise", place.host, *self.extra, "--until-stdin-closes"]
        if token is None and name == self.places[0].name:
            words += ["--bucket", BUCKET]
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        self._forget(node)
        with place.log.open("ab") as log:
            node.process = subprocess.Popen(
                [*place.wrapper, *guard, sys.executable, "-m", "mys3d", *words],
                env=self._surroundings(), stdin=subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        node.is_wanted = True
        node.starts_count += 1

    def _forget(self, node: Node) -> None:
        """Close our end of a process that has ended."""
        if node.process is not None and node.process.stdin is not None:
            node.process.stdin.close()

    def _surroundings(self) -> dict[str, str]:
        prefixes = ("AWS_", "MYS3D_", "S3_", "DB_BOLT")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
        keys = {"MYS3D_ACCESS_KEY": KEYS.access_key, "MYS3D_SECRET_KEY": KEYS.secret_key, "PYTHONUNBUFFERED": "1"}
        return kept | keys | HASTE | self.environment

    def kill(self, *names: str) -> None:
        """kill -9, all at once, and leave them down."""
        for name in names:
            self.nodes[name].is_wanted = False
            self._signal(name, signal.SIGKILL)
        for name in names:
            process = self.nodes[name].process
            if process is not None:
                process.wait(30)

    def _signal(self, name: str, number: signal.Signals) -> None:
        node = self.nodes[name]
        if node.is_running:
            assert node.process is not None
            node.process.send_signal(number)

    def pause(self, name: str) -> None:
        self._signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self._signal(name, signal.SIGCONT)

    def stop(self) -> None:
        self.kill(*self.names)
        for node in self.nodes.values():
            self._forget(node)

    def count_logged(self, words: str) -> int:
        """How often the nodes logged this so far."""
        return sum(node.place.log.read_text(errors="replace").count(words) for node in self.nodes.values())

    def tend(self) -> None:
        """Start again what ended unasked, a moment later."""
        now = time.monotonic()
        for node in self.nodes.values():
            if not node.is_wanted or node.is_running or node.process is None:
                continue
            if node.start_at == 0.0:
                said = f"{node.name} ended with {node.process.returncode} after {now - self.started:.1f} s"
                self.crashes.append(f"{said}:\n{node.log_tail()}")
                node.start_at = now + RESTART_SECONDS
            elif now >= node.start_at:
                node.start_at = 0.0
                self.launch(node.name)

    # --- waiting and asking ------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        stop = time.monotonic() + seconds
        while time.monotonic() < stop:
            self.tend()
            time.sleep(min(TEND_SECONDS, max(0.0, stop - time.monotonic())))

    def wait_for(self, statement: Callable[[], Any], seconds: float, what: str) -> float:
        """Wait until the statement is true. Returns how long that took, s; fails with what the nodes logged last."""
        began = time.monotonic()
        while not statement():
            if time.monotonic() > began + seconds:
                tails = "\n".join(f"--- {node.name}\n{node.log_tail()}" for node in self.nodes.values())
                raise AssertionError(f"not within {seconds:g} s: {what}\n{self.status()}\n{tails}")
            self.wait(0.1)
        return time.monotonic() - began

    def heal(self, seconds: float = HEAL_SECONDS) -> float:
        """Wait until every node is there, caught up and has its copies. Returns how long that took, s."""
        return self.wait_for(self.is_whole, seconds, "the cluster is healthy again and all vote")

    def is_whole(self) -> bool:
        return self.is_healthy() and self.voters() == self._voters_wanted()

    def is_healthy(self) -> bool:
        status = self.status()
        started = sum(node.process is not None for node in self.nodes.values())
        return (
            status is not None
            and status["health"] == "healthy"
            and len(status["nodes"]) == started
            and all(node["reachable"] for node in status["nodes"])
        )

    def leader(self) -> str | None:
        status = self.status()
        leaders = [node["name"] for node in status["nodes"] if node["role"] == "leader"] if status else []
        return leaders[0] if leaders else None

    def status(self) -> dict[str, Any] | None:
        """What the first node that answers says of the cluster."""
        for name, node in self.nodes.items():
            if node.is_running and (answer := self.admin(name, "GET", "status")) is not None:
                return answer
        return None

    def token(self) -> str:
        found: list[str] = []

        def asked() -> bool:
            answer = self.admin(self.places[0].name, "POST", "token")
            found.extend([answer["token"]] if answer else [])
            return bool(found)

        self.wait_for(asked, 30, "a join token")
        return found[0]

    def admin(self, name: str, method: str, path: str, seconds: float = 4.0) -> dict[str, Any] | None:
        """Ask the admin API of a node; None: it did not answer 200."""
        place = self.nodes[name].place
        connection = http.client.HTTPConnection(place.host, place.port + 1, timeout=seconds)
        try:
            key = admin_token(place.data)
            connection.request(method, f"/_mys3d/api/v1/{path}", headers={"Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            body = answer.read()
        except Exception:  # noqa: BLE001 - a node in trouble is what campaigns make
            return None
        finally:
            connection.close()
        if answer.status != 200:
            return None
        found: dict[str, Any] = json.loads(body)
        return found

    def ailments(self) -> list[str]:
        """What `mys3d doctor` finds wrong on any node: damage, broken invariants, rows that differ between nodes."""
        found = []
        for name in self.names:
            report = self.admin(name, "POST", "doctor", seconds=60.0)
            found += [f"doctor of {name}: {text}" for text in (report["sentences"] if report else ["no answer"])]
        return found

    def _answers(self, name: str) -> bool:
        status = self.admin(name, "GET", "status")
        return status is not None and bool(status["writable"])
