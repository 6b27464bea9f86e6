"""A tiny HTTP server that answers like a store with nothing behind it, and remembers what it was asked."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class TinyStore(ThreadingHTTPServer):
    """Keeps objects in a dict. `spoil` may change an answer: (method, path, status, body) -> (status, body)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.heads: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.spoil: Callable[[str, str, int, bytes], tuple[int, bytes]] = lambda _m, _p, status, body: (status, body)

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    server: TinyStore

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path.count("/") > 1:
            self.server.objects[self.path] = body
            self.server.bodies.append(body)
        self._answer(200, b"")

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if "list-type=2" in query:
            keys = [key for key in self.server.objects if key.startswith(f"{path}/list/")]
            self._answer(200, b"".join(b"<Key>%s</Key>" % key.encode() for key in keys))
        elif path in self.server.objects:
            self._answer(200, self.server.objects[path])
        else:
            self._answer(404, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.server.heads.append((self.command, self.path, dict(self.headers.items())))
        status, body = self.server.spoil(self.command, self.path, status, body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def store() -> Iterator[TinyStore]:
    server = TinyStore()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
