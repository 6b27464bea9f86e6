"""Clients that write unique values and record what they were told.        Floor: tests. Called by: campaigns.

Law: a body is sent once and never again, so its etag names the request that wrote it. An answer that leaves the
outcome open is recorded as open; 503 SlowDown and a failed dial promise that nothing happened, and are held to that.
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from hashlib import md5
from random import Random

from tests.campaigns.client import Answer, Connection, NoAnswer, NotSent
from tests.campaigns.cluster import BUCKET, KEYS, Cluster
from tests.simulation.linear import Operation

NOISE = Random(1).randbytes(9 << 20)
SHARED_TAIL = NOISE[: 1 << 20]  # the second blob of some large bodies: the same content again and again
BLOB_BYTES = 4 << 20
AFFINITY = 0.95  # a client asks its own node this often: one that hangs does not stall all clients
DOWN_SECONDS = 0.05
RETRY_SECONDS = 0.2
REGISTERS = "r/"
MIXED = {"get": 34, "put": 22, "once": 14, "delete": 8, "create": 8, "replace": 8, "list": 6}
WRITES = {"once": 70, "put": 12, "delete": 6, "get": 12}
SIZES = (1, 100, 100, 1_000, 1_000, 4_000, 4_000, 30_000, 70_000, 150_000)


@dataclass(slots=True)
class Recorder:
    """What one client did. Written by its thread alone, read after it ended."""

    operations: list[tuple[str, Operation]] = field(default_factory=list)  # (key, what was done and answered)
    acknowledged: list[float] = field(default_factory=list)  # when each write was acknowledged
    answers: Counter[str] = field(default_factory=Counter)  # "put 200", "get 503 SlowDown", "delete unknown"...
    unexpected: list[str] = field(default_factory=list)  # answers that S3 or we do not allow
    wrong: list[str] = field(default_factory=list)  # bytes served under another etag than theirs
    latencies: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """How the clients behave."""

    seed: int
    clients: int = 40
    registers: int = 60
    mix: dict[str, int] = field(default_factory=lambda: dict(MIXED))
    large_percent: float = 0.5  # of the bodies: more than one blob
    pause_seconds: float = 0.01  # mean between two requests of a client


class Client(threading.Thread):
    """One client: after a pause, a random request to a node, until told to stop."""

    def __init__(self, cluster: Cluster, plan: Plan, number: int, halt: threading.Event) -> None:
        super().__init__(name=f"client-{number}", daemon=True)
        self.recorder = Recorder()
        self.failure: BaseException | None = None
        self._plan, self._number, self._halt = plan, number, halt
        self._dice = Random(f"{plan.seed}/{number}")
        self._connections = {place.name: Connection(place.host, place.port, KEYS) for place in cluster.places}
        self._own = cluster.names[number % len(cluster.names)]
        self._count = 0
        self._seen: dict[str, str] = {}  # register -> the etag this client saw or wrote last
        self._mine: list[str] = []  # keys of this client alone, written and not deleted

    def run(self) -> None:
        try:
            while not self._halt.is_set():
                kind = self._dice.choices(list(self._plan.mix), list(self._plan.mix.values()))[0]
                self._do(kind)
                self._halt.wait(self._dice.expovariate(1 / self._plan.pause_seconds))
        except BaseException as error:
            self.failure = error
            raise
        finally:
            for connection in self._connections.values():
                connection.close()

    def _do(self, kind: str) -> None:
        key = f"{REGISTERS}{self._dice.randrange(self._plan.registers):03}"
        match kind:
            case "get":
                self._get(self._dice.choice(self._mine) if self._mine and self._dice.random() < 0.3 else key)
            case "list":
                self._list()
            case "delete":
                is_mine = bool(self._mine) and self._dice.random() < 0.5
                self._remove(self._mine.pop(self._dice.randrange(len(self._mine))) if is_mine else key)
            case "once":
                own = f"o/{self._number}/{self._count:06}"
                if self._write("put", own):
                    self._mine.append(own)
            case "replace" if key not in self._seen:
                self._get(key)
            case _:
                self._write(kind, key)

    def _body(self, key: str) -> bytes:
        self._count += 1
        name = f"{key} by {self._number}, number {self._count}, seed {self._plan.seed}\n".encode()
        if self._dice.random() * 100 < self._plan.large_percent:
            if self._dice.random() < 0.5:
                return (name + NOISE)[:BLOB_BYTES] + SHARED_TAIL
            return name + NOISE[: self._dice.randrange(1 << 20, 9 << 20)]
        size, start = self._dice.choice(SIZES), self._dice.randrange(1 << 20)
        return name + NOISE[start : start + size]

    def _ask(self, what: str, *words: object) -> tuple[Answer | None, float, float]:
        """Ask a node. None: no answer; the second time is inf when the outcome is open, 0 when nothing happened."""
        name = self._own if self._dice.random() < AFFINITY else self._dice.choice(list(self._connections))
        called = time.monotonic()
        try:
            answer = self._connections[name].ask(*words)  # type: ignore[arg-type] # the words of Connection.ask
        except NotSent:
            self.recorder.answers[f"{what} not sent"] += 1
            self._halt.wait(DOWN_SECONDS)
            return None, called, 0.0
        except NoAnswer:
            self.recorder.answers[f"{what} unknown"] += 1
            return None, called, float("inf")
        returned = time.monotonic()
        self.recorder.answers[f"{what} {answer.status} {answer.code}".strip()] += 1
        self.recorder.latencies.append(returned - called)
        if answer.status == 503:
            self._halt.wait(RETRY_SECONDS)
            return None, called, 0.0 if answer.code == "SlowDown" else float("inf")
        return answer, called, returned

    def _record(self, key: str, operation: Operation) -> None:
        self.recorder.operations.append((key, operation))

    def _write(self, kind: str, key: str) -> bool:
        """Put, create or replace. True: acknowledged."""
        body = self._body(key)
        etag, expected = md5(body, usedforsecurity=False).hexdigest(), self._seen.get(key, "")
        headers = {"create": [("If-None-Match", "*")], "replace": [("If-Match", f'"{expected}"')]}.get(kind, [])
        answer, called, returned = self._ask(kind, "PUT", f"/{BUCKET}/{key}", (), headers, body)
        wanted = expected if kind == "replace" else None
        if answer is None:
            if returned:
                self._record(key, Operation(kind, etag, called, expected=wanted))  # type: ignore[arg-type] # a Kind
            return False
        is_refused = answer.status in (404, 412) and kind in ("create", "replace") and answer.code != "NoSuchBucket"
        if answer.status != 200 and not is_refused:
            self.recorder.unexpected.append(f"{kind} {key}: {answer.status} {answer.code}")
            self._record(key, Operation(kind, etag, called, expected=wanted))  # type: ignore[arg-type] # a Kind
            return False
        if answer.status == 200 and answer.etag != etag:
            self.recorder.wrong.append(f"{kind} {key}: sent {etag}, acknowledged {answer.etag}")
        self._record(key, Operation(kind, etag, called, returned, wanted, is_refused))  # type: ignore[arg-type] # a Kind
        if is_refused:
            self._seen.pop(key, None)
            return False
        self._seen[key] = etag
        self.recorder.acknowledged.append(returned)
        return True

    def _remove(self, key: str) -> None:
        answer, called, returned = self._ask("delete", "DELETE", f"/{BUCKET}/{key}")
        self._seen.pop(key, None)
        if answer is not None and answer.status != 204:
            self.recorder.unexpected.append(f"delete {key}: {answer.status} {answer.code}")
            returned = float("inf")
        if returned:
            self._record(key, Operation("delete", None, called, returned))
        if answer is not None and answer.status == 204:
            self.recorder.acknowledged.append(returned)

    def _get(self, key: str) -> None:
        answer, called, returned = self._ask("get", "GET", f"/{BUCKET}/{key}")
        if answer is None:
            return
        if problem := wrong_get(key, answer):
            self.recorder.wrong.append(problem)
        elif answer.status not in (200, 404):
            self.recorder.unexpected.append(f"get {key}: {answer.status} {answer.code}")
            return
        value = answer.etag if answer.status == 200 else None
        self._record(key, Operation("get", value, called, returned))
        if value is not None and key.startswith(REGISTERS):
            self._seen[key] = value

    def _list(self) -> None:
        """One list is one get of every register."""
        query = (("list-type", "2"), ("prefix", REGISTERS))
        answer, called, returned = self._ask("list", "GET", f"/{BUCKET}", query)
        if answer is None:
            return
        if answer.status != 200:
            self.recorder.unexpected.append(f"list: {answer.status} {answer.code}")
            return
        listed = answer.listed()
        for number in range(self._plan.registers):
            key = f"{REGISTERS}{number:03}"
            self._record(key, Operation("get", listed.get(key), called, returned))


def proving(answers: Counter[str]) -> int:
    return sum(count for what, count in list(answers.items()) if not what.endswith(("not sent", "503 SlowDown")))


def wrong_get(key: str, answer: Answer) -> str | None:
    """What is wrong with the bytes of a 200, or with what a 404 is about."""
    if answer.status == 200 and answer.body_etag != answer.etag:
        return f"get {key}: {len(answer.body)} bytes of {answer.body_etag} served as {answer.etag}"
    if answer.status == 404 and answer.code != "NoSuchKey":
        return f"get {key}: {answer.code}"
    return None


class Workload:
    """The clients together, at work inside a `with` block. Leaving it ends them and raises what any of them died of."""

    def __init__(self, cluster: Cluster, plan: Plan) -> None:
        self.plan = plan
        self._cluster = cluster
        self._halt = threading.Event()
        self._clients = [Client(cluster, plan, number, self._halt) for number in range(plan.clients)]
        self.began = self.ended = 0.0
        self.also: list[Recorder] = []  # what others saw of the same keys meanwhile

    def __enter__(self) -> "Workload":
        self.began = time.monotonic()
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._halt.set()
        while any(client.is_alive() for client in self._clients):
            self._cluster.wait(0.05)
        self.ended = time.monotonic()
        for client in self._clients:
            if client.failure is not None:
                raise client.failure

    @property
    def recorders(self) -> list[Recorder]:
        return [client.recorder for client in self._clients]

    @property
    def acknowledged_count(self) -> int:
        return sum(len(recorder.acknowledged) for recorder in self.recorders)

    @property
    def requests_count(self) -> int:
        """Without those that were not sent, or refused because a majority is out of reach: they prove nothing."""
        return sum(proving(recorder.answers) for recorder in self.recorders)

    @property
    def keys(self) -> list[str]:
        return sorted({key for recorder in self.recorders for key, _ in recorder.operations})

    def acknowledged_times(self) -> list[float]:
        return sorted(moment for recorder in self.recorders for moment in list(recorder.acknowledged))
