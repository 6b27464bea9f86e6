"""A small, fast S3 client that says exactly what it knows of each request.        Floor: tests. Called by: workload.

Law: it never retries. What was not sent did not happen; what was sent and got no answer may have.
"""

import select
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5
from re import DOTALL, findall, search

from mys3d.bench.sign import Keys, head

__all__ = ["Answer", "Connection", "Keys", "NoAnswer", "NotSent"]

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 12.0  # a proposal is given up after 10 s: wait for what the node says then
RECEIVE_BYTES = 256 * 1024


class NotSent(Exception):
    """No connection: the request did not leave."""


class NoAnswer(Exception):
    """The request left, wholly or in part, and no whole answer came."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    etag: str  # of the header, without quotes
    body: bytes

    @property
    def code(self) -> str:
        """The code of an S3 error document."""
        found = search(rb"<Code>(\w+)</Code>", self.body)
        return found.group(1).decode() if found else ""

    @property
    def body_etag(self) -> str:
        return md5(self.body, usedforsecurity=False).hexdigest()

    def listed(self) -> dict[str, str]:
        """key -> etag of a list document whose keys need no escaping."""
        entries = findall(rb"<Contents>.*?<Key>(.*?)</Key>.*?<ETag>(?:&quot;|\")(\w+).*?</Contents>", self.body, DOTALL)
        return {key.decode(): etag.decode() for key, etag in entries}


class Connection:
    """A keep-alive connection to one node, dialled when needed."""

    def __init__(self, host: str, port: int, keys: Keys) -> None:
        self._address = (host, port)
        self._keys = keys
        self._socket: socket.socket | None = None

    def ask(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Answer:
        """Send one request and return its answer. Raises NotSent, NoAnswer."""
        host = f"{self._address[0]}:{self._address[1]}"
        length = len(body) if method in ("PUT", "POST") else None
        signed = head(self._keys, method, host, path, query=query, length=length)
        more = "".join(f"{name}: {value}\r\n" for name, value in headers).encode()
        connection = self._dial()
        try:
            connection.sendall(signed[:-2] + more + b"\r\n" + body)
            answer, is_last = _receive(connection, method)
        except OSError as error:
            self.close()
            raise NoAnswer(str(error)) from error
        if is_last:
            self.close()
        return answer

    def _dial(self) -> socket.socket:
        if self._socket is not None and select.select([self._socket], [], [], 0)[0]:
            self.close()  # the node closed it, or died
        if self._socket is None:
            try:
                self._socket = socket.create_connection(self._address, timeout=CONNECT_SECONDS)
            except OSError as error:
                raise NotSent(str(error)) from error
            self._socket.settimeout(ANSWER_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _receive(connection: socket.socket, method: str) -> tuple[Answer, bool]:
    """Return the answer and whether the node closes after it. Raises OSError."""
    data = bytearray()
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += _some(connection)
    lines = bytes(data[:end]).split(b"\r\n")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
    status = int(lines[0].split()[1])
    length = 0 if method == "HEAD" or status == 204 else int(fields.get(b"content-length", b"0"))
    body = data[end + 4 :]
    while len(body) < length:
        body += _some(connection)
    is_last = fields.get(b"connection", b"").lower() == b"close"
    return Answer(status, fields.get(b"etag", b"").decode().strip('"'), bytes(body)), is_last


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(RECEIVE_BYTES)
    if not data:
        raise ConnectionError("closed before the answer was whole")
    return data
