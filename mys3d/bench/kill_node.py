"""Kills a node under load, lets it come back, and reads everything back.        Floor: bench. Called by: cli.

Law: whatever was acknowledged at any moment must be readable through every node at the end, byte for byte; one object
that is not fails the run. Every download under way is compared too.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from mys3d.bench.answer import Answer
from mys3d.bench.caller import Caller
from mys3d.bench.connection import Connection, Request
from mys3d.bench.ledger import Ledger
from mys3d.bench.load import Bounds, run
from mys3d.bench.target import Target
from mys3d.bench.timeline import Stretch, Timeline, longest_gap, rates
from mys3d.errors import Unavailable

BIN_SECONDS: Final = 0.5
HEAL_SECONDS_MAX: Final = 300.0
_POLL_SECONDS: Final = 0.5
_SIGNED_SECONDS: Final = 60.0  # then requests are signed with a new time
_HOST: Final = "cluster"  # signed for no node: a request may go to any
_READ_CONCURRENCY: Final = 16
_READ_TRIES: Final = 5
_READ_PAUSE_SECONDS: Final = 1.0
_READ_SECONDS: Final = 900.0
_NAMED_MAX: Final = 20  # keys in the report


class Cluster(Protocol):
    """Somebody who can kill and start nodes, and says how they are."""

    def leader(self) -> str:
        """The name of the leading node. Raises Unavailable."""
        ...

    def followers(self) -> list[str]: ...

    def kill(self, name: str) -> None:
        """SIGKILL; it stays down."""
        ...

    def start(self, name: str) -> None:
        """Returns once it serves."""
        ...

    def is_healed(self) -> bool:
        """True when all nodes are there and no copy is missing."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to kill, and when."""

    victim: str  # leader, follower, or the name of a node
    size: int
    concurrency: int
    calm: float = 10.0  # seconds before the kill
    down: float = 20.0  # seconds until the node is started again
    after: float = 10.0  # seconds after all is healed


class Outcome(msgspec.Struct, frozen=True):
    """What happened. Times are seconds from the start of the load."""

    victim: str
    was_leader: bool
    events: dict[str, float]  # killed, started, serving, healed
    stretches: list[Stretch]
    bin_seconds: float
    puts_per_second: list[float]  # acknowledged, by bin
    gets_per_second: list[float]
    errors_per_second: list[float]
    silence_seconds: float  # the longest time without an acknowledged PUT from the kill on
    silence_began: float
    heal_seconds: float | None  # from the start of the node to all copies; None: it did not heal
    acknowledged_count: int
    doubtful_count: int
    read_back: dict[str, int]  # node -> objects that it answered for at the end
    lost: list[str]
    wrong: list[str]
    unread: list[str]  # a node would not say
    trouble: str  # why the plan was not carried out; empty: it was

    @property
    def is_sound(self) -> bool:
        return not (self.lost or self.wrong or self.unread or self.trouble) and self.heal_seconds is not None


@dataclass(slots=True)
class _Script:
    """The plan, carried out beside the load in a thread of its own."""

    cluster: Cluster
    plan: Plan
    tells: Callable[[str], None]
    started: float = field(default_factory=time.perf_counter)
    events: dict[str, float] = field(default_factory=dict)
    victim: str = ""
    was_leader: bool = False
    trouble: str = "the plan was not carried out to its end"
    done: threading.Event = field(default_factory=threading.Event)

    def now(self) -> float:
        return time.perf_counter() - self.started

    def run(self) -> None:
        try:
            self._act()
        except (Unavailable, OSError) as error:
            self.trouble = str(error)
        finally:
            self.done.set()

    def _act(self) -> None:
        plan = self.plan
        self.done.wait(plan.calm)
        leader = self.cluster.leader()
        self.victim = {"leader": leader, "follower": self.cluster.followers()[0]}.get(plan.victim, plan.victim)
        self.was_leader = self.victim == leader
        self._mark("killed", f"{self.victim} is killed ({'leader' if self.was_leader else 'follower'})")
        self.cluster.kill(self.victim)
        self.done.wait(plan.down)
        self._mark("started", f"{self.victim} is started")
        self.cluster.start(self.victim)
        self._mark("serving", f"{self.victim} serves")
        while not self.cluster.is_healed():
            if self.now() - self.events["started"] > HEAL_SECONDS_MAX:
                self.trouble = f"not healed {HEAL_SECONDS_MAX:g} s after the start"
                return
            self.done.wait(_POLL_SECONDS)
        self._mark("healed", "every copy is back")
        self.done.wait(plan.after)
        self.trouble = ""

    def _mark(self, event: str, sentence: str) -> None:
        self.events[event] = self.now()
        self.tells(f"{self.events[event]:6.1f} s  {sentence}")


def kill_node(
    target: Target, names: Sequence[str], cluster: Cluster, plan: Plan, tells: Callable[[str], None]
) -> Outcome:
    """`names`: of the nodes behind the endpoints of the target, in the same order. Raises Unavailable, OSError."""
    ledger, timeline = Ledger(plan.size), Timeline()
    script = _Script(cluster, plan, tells)
    thread = threading.Thread(target=script.run)
    connections = _connections(target, plan.concurrency, _requests(target, ledger, timeline, script.now))
    seconds = plan.calm + plan.down + plan.after + 2 * HEAL_SECONDS_MAX
    thread.start()
    try:
        run(connections, Bounds(seconds, errors_max=1 << 60, requests_max=1 << 60, is_over=script.done.is_set))
    finally:
        script.done.set()
        thread.join()
    ended = script.now()
    tells(f"{ended:6.1f} s  reading {len(ledger.acknowledged)} acknowledged objects back through {len(names)} nodes")
    read_back: dict[str, int] = {}
    unread: set[int] = set()
    for name, endpoint in zip(names, target.endpoints, strict=True):
        missing = _read_back(target, endpoint, ledger)
        unread |= missing
        read_back[name] = len(ledger.acknowledged) - len(missing & set(ledger.acknowledged))
    return _outcome(script, ledger, timeline, ended, read_back, unread)


def _connections(target: Target, concurrency: int, requests: Iterator[Request]) -> list[Connection]:
    """Each at home with another node, and with the next ones while that is away."""
    count = len(target.endpoints)
    turned = [target.endpoints[at:] + target.endpoints[:at] for at in range(count)]
    return [Connection(turned[number % count], requests, target.tls) for number in range(concurrency)]


def _requests(target: Target, ledger: Ledger, timeline: Timeline, now: Callable[[], float]) -> Iterator[Request]:
    """Uploads and downloads in turn, without end."""
    while True:
        caller, signed = Caller(target, _HOST), now()
        while now() - signed < _SIGNED_SECONDS:
            yield _timed(ledger.put(caller), timeline, now)
            yield _timed(ledger.get_any(caller) or ledger.put(caller), timeline, now)


def _timed(request: Request, timeline: Timeline, now: Callable[[], float]) -> Request:
    began, judge = now(), request.ended
    assert judge is not None

    def ended(answer: Answer) -> None:
        at = now()
        timeline.note(request.kind, answer.status == 200, at, at - began)
        judge(answer)

    request.ended = ended
    return request


def _read_back(target: Target, endpoint: str, ledger: Ledger) -> set[int]:
    """Read everything through one node. Returns the numbers of which it said nothing."""
    left = {*ledger.acknowledged, *ledger.doubtful}
    acknowledged = set(ledger.acknowledged)
    for number in range(_READ_TRIES):
        if number:
            time.sleep(_READ_PAUSE_SECONDS)
        requests = _reads(Caller(target, endpoint), ledger, acknowledged, left)
        connections = [Connection((endpoint,), requests, target.tls) for _ in range(_READ_CONCURRENCY)]
        try:
            run(connections, Bounds(_READ_SECONDS, errors_max=1 << 60, requests_max=1 << 60))
        except OSError:
            continue
        if not left:
            break
    return left


def _reads(caller: Caller, ledger: Ledger, acknowledged: set[int], left: set[int]) -> Iterator[Request]:
    for number in sorted(left):
        judge = ledger.judge if number in acknowledged else ledger.judge_doubtful
        request = ledger.get(caller, number)

        def ended(answer: Answer, number: int = number, judge: Callable[[int, Answer], bool] = judge) -> None:
            if judge(number, answer):
                left.discard(number)

        request.ended = ended
        yield request


def _outcome(
    script: _Script, ledger: Ledger, timeline: Timeline, ended: float, read_back: dict[str, int], unread: set[int]
) -> Outcome:
    events = script.events
    silence_began, silence = longest_gap(timeline.puts, events.get("killed", 0.0), ended)
    return Outcome(
        victim=script.victim,
        was_leader=script.was_leader,
        events=events,
        stretches=_stretches(timeline, events, ended),
        bin_seconds=BIN_SECONDS,
        puts_per_second=rates(timeline.puts, ended, BIN_SECONDS),
        gets_per_second=rates(timeline.gets, ended, BIN_SECONDS),
        errors_per_second=rates(timeline.errors, ended, BIN_SECONDS),
        silence_seconds=silence,
        silence_began=silence_began,
        heal_seconds=events["healed"] - events["started"] if "healed" in events else None,
        acknowledged_count=len(ledger.acknowledged),
        doubtful_count=len(ledger.doubtful),
        read_back=read_back,
        lost=_named(ledger, ledger.lost),
        wrong=_named(ledger, ledger.wrong),
        unread=_named(ledger, unread),
        trouble=script.trouble,
    )


def _stretches(timeline: Timeline, events: dict[str, float], ended: float) -> list[Stretch]:
    """Calm, degraded, healing, healed: as far as it came."""
    marks = [("calm", 0.0), *zip(("degraded", "healing", "healed"), _marks(events), strict=False)]
    stops = [start for _, start in marks[1:]] + [ended]
    return [timeline.stretch(name, start, stop) for (name, start), stop in zip(marks, stops, strict=True)]


def _marks(events: dict[str, float]) -> list[float]:
    return [events[name] for name in ("killed", "started", "healed") if name in events]


def _named(ledger: Ledger, numbers: set[int]) -> list[str]:
    return [ledger.key(number) for number in sorted(numbers)[:_NAMED_MAX]]
