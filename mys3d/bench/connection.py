"""One keep-alive connection of the generator, and the request that is on it.        Floor: bench. Called by: load.

Law: it never blocks but to connect, never repeats a request, and every request that was begun ends with one answer.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mys3d.bench.answer import Answer, AnswerReader
from mys3d.bench.trust import dial

_PIECES_MAX: Final = 512  # to one sendmsg; Linux takes 1,024 (IOV_MAX)
_CONNECT_SECONDS: Final = 5.0
_RECORDS_MAX: Final = 16  # received at once; of 16 KiB each (RFC 8446, 5.1), which is what a plain connection takes
_NOT_NOW: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_HOME_SECONDS: Final = 1.0  # a connection that had to leave its first endpoint looks there again after this long


@dataclass(slots=True)
class Request:
    """The bytes of one request in pieces, and how to judge its answer."""

    pieces: Sequence[bytes | memoryview]
    kind: str  # its latency is counted under this word
    sent_bytes: int = 0  # of the body, for the throughput
    answer_bytes: int = 0
    check: Callable[[bytes], bool] | None = None  # of the body; None: it is received and dropped
    ended: Callable[[Answer], object] | None = None  # hears the answer once the clock has stopped for this request
    keeps_body: bool = False  # for `ended`
    is_head: bool = False
    goes_on: bool = False  # the next of its source belongs to it, and is begun even if the time is over meanwhile
    whole: tuple[str, float] | None = None  # it completes something bigger: of that kind, begun at that time


class Connection:
    """A connection to the first endpoint, or to the next ones while the first is away (if there are several)."""

    def __init__(
        self, endpoints: Sequence[str], requests: Iterator[Request], tls: ssl.SSLContext | None = None
    ) -> None:
        self._tls = tls
        self._receives_max = 1 if tls is None else _RECORDS_MAX
        self._addresses = [_address(endpoint) for endpoint in endpoints]
        self._at = 0
        self._look_home_at = 0.0
        self._unsent: list[bytes | memoryview] = []
        self.requests = requests
        self.request: Request | None = None  # None: nothing is on the way
        self.started = 0.0  # when the request was meant to begin
        self.goes_on = False
        self.is_watched_for_sending = False
        self.reader = AnswerReader()
        self.socket: socket.socket | None = None

    def connect(self) -> None:
        """Dial; one round over the endpoints. Raises OSError when none listens."""
        for _ in range(len(self._addresses) - 1):
            try:
                self._dial()
            except OSError:
                self._move((self._at + 1) % len(self._addresses))
            else:
                return
        self._dial()

    def look_home(self, now: float) -> bool:
        """True: it was away from its first endpoint for long enough, and is not connected any more."""
        if self._at == 0 or now < self._look_home_at:
            return False
        self._move(0)
        return True

    def start(self, request: Request, started: float) -> None:
        self.request = request
        self.started = started
        self.goes_on = request.goes_on
        self._unsent = [piece for piece in request.pieces if piece]
        self.reader.begin(has_body=not request.is_head, keeps_body=request.keeps_body or request.check is not None)

    def send(self) -> bool:
        """Send what the socket takes. True: all is sent."""
        assert self.socket is not None
        while self._unsent:
            try:
                if len(self._unsent) == 1 or self._tls is not None:  # TLS takes no list
                    count = self.socket.send(self._unsent[0])  # 1 us less than a list of one
                else:
                    count = self.socket.sendmsg(self._unsent[:_PIECES_MAX])
            except _NOT_NOW:
                return False
            done = 0
            while done < len(self._unsent) and count >= len(self._unsent[done]):
                count -= len(self._unsent[done])
                done += 1
            del self._unsent[:done]
            if count:
                self._unsent[0] = memoryview(self._unsent[0])[count:]
        return True

    def receive(self, buffer: memoryview) -> bool:
        """Receive what there is. True: the answer is complete. Raises ValueError, ConnectionError."""
        assert self.socket is not None
        for _ in range(self._receives_max):
            try:
                count = self.socket.recv_into(buffer)
            except _NOT_NOW:
                return False
            if count == 0:
                if self.reader.closed():
                    return True
                raise ConnectionError("closed before the answer was complete")
            if self.reader.feed(buffer[:count]):
                return True
        return False

    def was_left(self, buffer: memoryview) -> bool:
        """Something came though nothing was asked. False: it was for TLS itself, as the tickets of a session are."""
        assert self.socket is not None
        try:
            self.socket.recv_into(buffer)
        except _NOT_NOW:
            return False
        except OSError:
            return True
        return True

    def can_go_on(self) -> bool:
        """False: the server closes after this answer, or answered before it had the whole request."""
        return not self._unsent and not self.reader.is_last

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def _dial(self) -> None:
        self.socket = dial(*self._addresses[self._at], self._tls, _CONNECT_SECONDS)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.is_watched_for_sending = False

    def _move(self, at: int) -> None:
        self._at = at
        self._look_home_at = time.perf_counter() + _HOME_SECONDS


def _address(endpoint: str) -> tuple[str, int]:
    host, _, port = endpoint.rpartition(":")
    return host.strip("[]"), int(port)
