"""Keeps connections busy, as fast as answers come or at a given rate.        Floor: bench. Called by: measure, prepare.

Law: every request that is begun ends as one latency or one error. In the open loop (a rate is given) a latency counts
from when the request was due, so that a server that stalls cannot hide what waited for it.
"""

import heapq
import select
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from mys3d.bench.answer import Answer
from mys3d.bench.connection import Connection, Request

_RECEIVE_BYTES: Final = 256 * 1024
_LINGER_SECONDS: Final = 30.0  # an unanswered request is an error so long after the last one was begun
_ERRORS_MAX: Final = 100  # a run that fails so often is stopped
_DIAL_PAUSE_SECONDS: Final = 0.1  # before an endpoint that refused is dialled again
_LOOK_SECONDS: Final = 0.25  # how often somebody who may end the run is asked
_NO_ANSWER: Final = Answer(0)


@dataclass(slots=True)
class Result:
    """What one run came to. Latencies are seconds."""

    latencies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # by kind of request
    errors: Counter[str] = field(default_factory=Counter)
    body_bytes: int = 0
    checked_count: int = 0
    unsent_count: int = 0  # due before the end and never begun: the rate was too high
    seconds: float = 0.0

    @property
    def errors_count(self) -> int:
        return sum(self.errors.values())


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a run is over: whichever comes first."""

    seconds: float
    requests_max: int = 1_000_000
    errors_max: int = _ERRORS_MAX
    is_over: Callable[[], bool] | None = None  # None: nobody ends it early


class Pace:
    """When the requests of an open loop are due: at even distances from the start on."""

    def __init__(self, rate: float, started: float, deadline: float) -> None:
        self._rate, self._started, self._deadline = rate, started, deadline
        self._begun = 0

    def next_due(self) -> float:
        return self._started + self._begun / self._rate

    def take(self, now: float) -> float | None:
        """Begin the next request if it is due: return since when. None: not yet, or the run is over."""
        due = self.next_due()
        if due > now or due >= self._deadline or now >= self._deadline:
            return None
        self._begun += 1
        return due

    def unsent(self) -> int:
        """How many were due before the deadline and were not begun."""
        return max(0, round((self._deadline - self._started) * self._rate) - self._begun)


def run(connections: Sequence[Connection], bounds: Bounds, rate: float | None = None) -> Result:
    """Keep all connections busy until a bound is reached. Raises OSError when the first dial fails."""
    try:
        for connection in connections:
            connection.connect()
        return _Loop(connections, bounds, rate).run()
    finally:
        for connection in connections:
            connection.close()


class _Loop:
    """Readiness in, latencies out."""

    def __init__(self, connections: Sequence[Connection], bounds: Bounds, rate: float | None) -> None:
        self.result = Result()
        self._connections = connections
        self._bounds = bounds
        self._left = bounds.requests_max
        self._errors_count = 0
        self._by_descriptor: dict[int, Connection] = {}
        self._idle: list[Connection] = []  # open loop: nothing is due
        self._resting: list[tuple[float, int, Connection]] = []  # until when; nobody listened
        self._busy_count = 0
        self._buffer = memoryview(bytearray(_RECEIVE_BYTES))
        self._poll = select.epoll()
        self._started = time.perf_counter()
        self._deadline = self._started + bounds.seconds
        self._pace = None if rate is None else Pace(rate, self._started, self._deadline)

    def run(self) -> Result:
        ended = self._started
        for connection in self._connections:
            self._watch(connection)
            self._next(connection)
        while self._busy_count or self._resting or (self._idle and not self._is_over(ended)):
            if not self._round() and time.perf_counter() > self._deadline + _LINGER_SECONDS:
                self._give_up()
                break
            ended = time.perf_counter()
        self._poll.close()
        self.result.seconds = max(ended - self._started, 1e-9)
        if self._pace is not None and self._left > 0 and self._errors_count < self._bounds.errors_max:
            self.result.unsent_count = self._pace.unsent()
        return self.result

    def _round(self) -> bool:
        """Wait for something to do, and do it. False: nothing came."""
        ready = self._wait()
        for descriptor, events in ready:
            self._step(self._by_descriptor[descriptor], events)
        now = time.perf_counter()
        while self._resting and self._resting[0][0] <= now:
            self._redial(heapq.heappop(self._resting)[2])
        if self._pace is not None:
            while self._idle and (self._pace.next_due() <= now or self._is_over(now)):
                self._next(self._idle.pop())
        return bool(ready)

    def _wait(self) -> list[tuple[int, int]]:
        now = time.perf_counter()
        timeout = max(0.0, self._deadline + _LINGER_SECONDS - now)
        if self._bounds.is_over is not None:
            timeout = min(timeout, _LOOK_SECONDS)
        if self._resting:
            timeout = min(timeout, max(0.0, self._resting[0][0] - now))
        if self._pace is not None and self._idle:
            timeout = min(timeout, max(0.0, min(self._pace.next_due(), self._deadline) - now))
            select.select([self._poll.fileno()], (), (), timeout)  # epoll's own timeout counts in milliseconds
            return self._poll.poll(0)
        return self._poll.poll(timeout)

    def _is_over(self, now: float) -> bool:
        bounds = self._bounds
        return (
            now >= self._deadline
            or self._left <= 0
            or self._errors_count >= bounds.errors_max
            or (bounds.is_over is not None and bounds.is_over())
        )

    def _next(self, connection: Connection) -> None:
        """Put the next request on a free connection, if there is one and its time has come."""
        now = time.perf_counter()
        if not connection.goes_on and self._is_over(now):
            return
        due = now if self._pace is None else self._pace.take(now)
        if due is None:
            self._idle.append(connection)
            return
        request = next(connection.requests, None)
        if request is None:
            return
        self._left -= 1
        self._busy_count += 1
        connection.start(request, due)
        try:
            self._send(connection)
        except OSError as error:
            self._fail(connection, str(error))

    def _step(self, connection: Connection, events: int) -> None:
        try:
            if events & ~select.EPOLLOUT:
                if connection.request is None:
                    if connection.was_left(self._buffer):
                        self._was_left(connection)
                elif connection.receive(self._buffer):
                    self._finish(connection)
                    return
            if events & select.EPOLLOUT and connection.request is not None:
                self._send(connection)
        except (OSError, ValueError) as error:
            self._fail(connection, str(error))

    def _send(self, connection: Connection) -> None:
        is_sent = connection.send()
        if is_sent == connection.is_watched_for_sending:
            assert connection.socket is not None
            events = select.EPOLLIN if is_sent else select.EPOLLIN | select.EPOLLOUT
            self._poll.modify(connection.socket.fileno(), events)
            connection.is_watched_for_sending = not is_sent

    def _finish(self, connection: Connection) -> None:
        now = time.perf_counter()
        request, reader = connection.request, connection.reader
        assert request is not None
        connection.request = None
        self._busy_count -= 1
        answer = reader.answer() if request.check is not None or request.ended is not None else None
        wrong = _wrong(request, reader.status, answer)
        if wrong is None:
            self._record(request, now, connection.started)
        else:
            self._count(wrong)
            connection.goes_on = False
        if request.ended is not None and answer is not None:
            request.ended(answer)
        if not connection.can_go_on() or connection.look_home(now):
            self._leave(connection)
            self._redial(connection)
        else:
            self._next(connection)

    def _record(self, request: Request, now: float, started: float) -> None:
        result = self.result
        result.latencies[request.kind].append(now - started)
        result.body_bytes += request.answer_bytes + request.sent_bytes
        if request.check is not None:
            result.checked_count += 1
        if request.whole is not None:
            kind, began = request.whole
            result.latencies[kind].append(now - began)

    def _was_left(self, connection: Connection) -> None:
        """The server closed a connection that nothing was on."""
        self._leave(connection)
        if connection in self._idle:
            self._idle.remove(connection)
            self._rest(connection, 0.0)

    def _fail(self, connection: Connection, why: str) -> None:
        self._leave(connection)
        self._lose(connection, why)
        self._rest(connection, 0.0)

    def _lose(self, connection: Connection, why: str) -> None:
        """The request that was on the connection has no answer."""
        request, connection.request = connection.request, None
        connection.goes_on = False
        if request is None:
            return
        self._busy_count -= 1
        self._count(why)
        if request.ended is not None:
            request.ended(_NO_ANSWER)

    def _redial(self, connection: Connection) -> None:
        if not connection.goes_on and self._is_over(time.perf_counter()):
            return
        try:
            connection.connect()
        except OSError as error:
            self._count(f"connect: {error}")
            self._rest(connection, _DIAL_PAUSE_SECONDS)
            return
        self._watch(connection)
        self._next(connection)

    def _rest(self, connection: Connection, seconds: float) -> None:
        heapq.heappush(self._resting, (time.perf_counter() + seconds, id(connection), connection))

    def _give_up(self) -> None:
        for connection in self._connections:
            self._lose(connection, "no answer")

    def _count(self, error: str) -> None:
        self.result.errors[error] += 1
        self._errors_count += 1

    def _watch(self, connection: Connection) -> None:
        assert connection.socket is not None
        self._by_descriptor[connection.socket.fileno()] = connection
        self._poll.register(connection.socket.fileno(), select.EPOLLIN)

    def _leave(self, connection: Connection) -> None:
        if connection.socket is not None:
            del self._by_descriptor[connection.socket.fileno()]
            connection.close()  # the kernel forgets it in the poll as well


def _wrong(request: Request, status: int, answer: Answer | None) -> str | None:
    """What is wrong with a complete answer. None: nothing."""
    if not 200 <= status < 300:
        return f"status {status}"
    if request.check is not None and answer is not None and not request.check(answer.body):
        return "wrong body"
    return None
