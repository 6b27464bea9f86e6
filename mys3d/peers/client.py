"""Requests on their way: who waits for which answer.        Floor: driver. Called by: lane.

Law: every request ends: by its answer, by its deadline (one sweeper for all of them), or with its connection. Nobody
else is woken. A late answer finds nobody and is dropped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import trio

from mys3d.errors import Unavailable
from mys3d.model.names import NodeId
from mys3d.peers import frames, messages
from mys3d.peers.connection import Connection
from mys3d.peers.frames import Frame, Kind
from mys3d.ports import Buffer

T = TypeVar("T")

_REQUESTS: Final = 1 << 32  # ids wrap around; calls live for seconds


@dataclass(slots=True, eq=False)
class _Call:
    task: trio.lowlevel.Task
    deadline: float  # of trio's clock
    frame: Frame | None = None
    error: Exception | None = None


class Calls:
    """The requests of one connection."""

    def __init__(self, node: NodeId, connection: Connection) -> None:
        self._node: Final = node
        self._connection: Final = connection
        self._pending: Final[dict[int, _Call]] = {}
        self._last = 0

    async def call(self, kind: Kind, deadline: float, parse: Callable[[Buffer], T], *pieces: Buffer) -> T:
        """Send a request and return its answer, parsed. Raises Unavailable, and what the other side raised."""
        request = self._last = (self._last + 1) % _REQUESTS
        head = frames.head(kind, request, sum(map(len, pieces)))
        if not self._connection.send(head, *pieces):
            raise Unavailable(f"node {self._node} does not keep up: too much waits to be sent")
        call = self._pending[request] = _Call(trio.lowlevel.current_task(), deadline)

        def abort(_: object) -> trio.lowlevel.Abort:
            del self._pending[request]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)
        if call.frame is None:
            assert call.error is not None, "a call is woken by its answer or by an error"
            try:
                raise call.error
            finally:
                del call  # an error and a frame that keep each other keep the pieces
        if call.frame.kind == Kind.FAILED:
            raise self._read(messages.error_of, call.frame)
        return self._read(parse, call.frame)

    def answer(self, frame: Frame) -> None:
        """Wake who waits for this frame. Raises ValueError when its acknowledgements are malformed."""
        if frame.kind != Kind.PUSHED:
            self._wake(frame.request, frame, None)
            return
        for request in messages.parse_pushed(frame.payload):
            self._wake(request, frame, None)

    def sweep(self, now: float) -> None:
        """Give up what is past its deadline."""
        late = [request for request, call in self._pending.items() if call.deadline <= now]
        for request in late:
            self._wake(request, None, Unavailable(f"node {self._node} did not answer in time"))

    def fail(self, why: str) -> None:
        """The connection is gone."""
        for request in list(self._pending):
            self._wake(request, None, Unavailable(f"node {self._node}: {why}"))

    def _wake(self, request: int, frame: Frame | None, error: Exception | None) -> None:
        call = self._pending.pop(request, None)
        if call is not None:
            call.frame, call.error = frame, error
            trio.lowlevel.reschedule(call.task)

    def _read(self, parse: Callable[[Buffer], T], frame: Frame) -> T:
        """Parse an answer. Raises Unavailable: the peer answers what this version does not understand."""
        try:
            return parse(frame.payload)
        except ValueError as error:
            raise Unavailable(f"node {self._node} answers in a way this node does not read: {error}") from error
