"""A server that does nothing, to find out what the generator can do at most.        Floor: bench. Called by: calibrate.

Law: it keeps nothing; what a request asks for stands in the request. It ends when its standard input does.
python -m mys3d.bench.null_server prints its port.
"""

import re
import select
import socket
import sys
from typing import Final

_BUFFER_BYTES: Final = 256 << 10
_FILLER: Final = memoryview(bytes(1 << 20))
_ROW: Final = (
    b"<Contents><Key>bench/list/000000-8</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
    b"<ETag>&quot;00000000000000000000000000000000&quot;</ETag><Size>8</Size><StorageClass>STANDARD</StorageClass>"
    b"</Contents>"
)
_EMPTY: Final = b'HTTP/1.1 200 OK\r\nETag: "0"\r\nContent-Length: 0\r\n\r\n'
_GONE: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
_UPLOAD: Final = b"<InitiateMultipartUploadResult><UploadId>null</UploadId></InitiateMultipartUploadResult>"


class Session:
    """One connection: requests in, answers out, in order."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._head = b""
        self._missing = 0  # of the body of the request
        self._answer: list[bytes | memoryview] = []  # to the request whose body is coming in
        self._unsent: list[bytes | memoryview] = []

    def receive(self, buffer: memoryview) -> bool:
        """Take what came. False: the other side closed."""
        count = self.socket.recv_into(buffer)
        data = buffer[:count]
        while data:
            if self._missing == 0:
                head = self._head + data
                end = head.find(b"\r\n\r\n")
                if end < 0:
                    self._head = head
                    break
                data = data[end + 4 - len(self._head) :]
                self._head = b""
                self._answer, self._missing = _answer_to(head[: end + 2])
            taken = min(self._missing, len(data))
            self._missing -= taken
            data = data[taken:]
            if self._missing == 0:
                self._unsent += self._answer
        return count > 0

    def send(self) -> bool:
        """Send what the socket takes. True: all is sent."""
        while self._unsent:
            try:
                count = self.socket.sendmsg(self._unsent[:512])
            except BlockingIOError:
                return False
            while self._unsent and count >= len(self._unsent[0]):
                count -= len(self._unsent.pop(0))
            if count:
                self._unsent[0] = memoryview(self._unsent[0])[count:]
        return True


def serve(listener: socket.socket, until: int) -> None:
    """Answer until the descriptor `until` can be read."""
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    poll.register(until, select.EPOLLIN)
    buffer = memoryview(bytearray(_BUFFER_BYTES))
    sessions: dict[int, Session] = {}
    while True:
        for descriptor, events in poll.poll():
            if descriptor == until:
                return
            if descriptor == listener.fileno():
                connection, _ = listener.accept()
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sessions[connection.fileno()] = Session(connection)
                poll.register(connection, select.EPOLLIN)
            elif not _step(poll, sessions[descriptor], events, buffer):
                sessions.pop(descriptor).socket.close()


def _step(poll: select.epoll, session: Session, events: int, buffer: memoryview) -> bool:
    """False: the session is over."""
    try:
        if events & ~select.EPOLLOUT and not session.receive(buffer):
            return False
        if not session.send():
            poll.modify(session.socket, select.EPOLLIN | select.EPOLLOUT)
        elif events & select.EPOLLOUT:
            poll.modify(session.socket, select.EPOLLIN)
    except OSError:
        return False
    return True


def _answer_to(head: bytes) -> tuple[list[bytes | memoryview], int]:
    """The answer, and how many bytes of body come behind the head first."""
    method, _, rest = head.partition(b" ")
    path, _, query = rest[: rest.index(b" ")].partition(b"?")
    at = head.find(b"\r\ncontent-length:")
    length = int(head[at + 17 : head.index(b"\r\n", at + 2)]) if at >= 0 else 0
    match method:
        case b"DELETE":
            return [_GONE], length
        case b"POST":
            return _document(_UPLOAD if query.startswith(b"uploads") else b"<CompleteMultipartUploadResult/>"), length
        case b"GET" if query:
            count = re.search(rb"max-keys=(\d+)", query)
            return _document(_ROW * (int(count.group(1)) if count else 0)), length
        case b"GET":
            return _filled(int(path.rpartition(b"-")[2])), length
    return [_EMPTY], length


def _document(body: bytes) -> list[bytes | memoryview]:
    return [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body]


def _filled(size: int) -> list[bytes | memoryview]:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    return [head, *(_FILLER[: size - at] for at in range(0, size, len(_FILLER)))]


def main() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        print(listener.getsockname()[1], flush=True)
        serve(listener, sys.stdin.fileno())


if __name__ == "__main__":
    main()
