"""A tiny S3 store in this process: objects in a dict, and a memory of what it was asked."""

import contextlib
import itertools
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from mys3d.bench.sign import Keys
from mys3d.bench.target import Target
from tests.web.certificates import write_pair


class TinyStore(ThreadingHTTPServer):
    """`spoil` may change an answer: (method, path, status, body) -> (status, body)."""

    daemon_threads = True
    request_queue_size = 64  # the default of 5 makes more connections at once wait for a second

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.dials_count = 0
        self.closes_after = 0  # the connection of that request is closed behind its answer; 0: none
        self.upload_ids = itertools.count(1)
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.heads: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.spoil: Callable[[str, str, int, bytes], tuple[int, bytes]] = lambda _m, _p, status, body: (status, body)

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def target(self, name: str = "tiny", tls: ssl.SSLContext | None = None, **pids: int) -> Target:
        return Target(name, (self.endpoint,), Keys("A", "S"), "b", dict(pids), tls)

    def get_request(self) -> tuple[Any, Any]:
        found = super().get_request()
        self.dials_count += 1
        return found

    def ready_file(self, folder: Path, pid: int, scheme: str = "http") -> Path:
        node = {"name": "n1", "pid": pid, "s3": f"{scheme}://{self.endpoint}", "admin": "http://h:1", "data": "d"}
        ready = {"access_key": "A", "secret_key": "S", "region": "eu-west-3", "bucket": "demo", "nodes": [node]}
        (folder / "ready").write_text(json.dumps(ready))
        return folder / "ready"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Tiny/1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    server: TinyStore

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        path, query = self._asked()
        if "uploadId" in query:
            self.server.uploads[query["uploadId"]][int(query["partNumber"])] = body
        elif path.count("/") > 1:
            self.server.objects[path] = body
            self.server.bodies.append(body)
        self._answer(200, b"", ETag='"e"')

    def do_GET(self) -> None:
        path, query = self._asked()
        if "list-type" in query:
            prefix, after = f"{path}/{query['prefix']}", f"{path}/{query.get('start-after', '')}"
            keys = sorted(key for key in list(self.server.objects) if key.startswith(prefix) and key > after)
            keys = [key.removeprefix(f"{path}/") for key in keys[: int(query["max-keys"])]]
            self._answer(200, b"".join(b"<Key>%s</Key>" % key.encode() for key in keys))
        elif path in self.server.objects:
            self._answer(200, self.server.objects[path])
        else:
            self._answer(404, b"")

    def do_HEAD(self) -> None:
        path, _ = self._asked()
        found = self.server.objects.get(path)
        self._answer(404 if found is None else 200, found or b"")

    def do_DELETE(self) -> None:
        path, _ = self._asked()
        self._answer(404 if self.server.objects.pop(path, None) is None else 204, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        path, query = self._asked()
        if "uploads" in query:
            upload_id = str(next(self.server.upload_ids))
            self.server.uploads[upload_id] = {}
            self._answer(200, b"<UploadId>%s</UploadId>" % upload_id.encode())
            return
        parts = self.server.uploads.pop(query["uploadId"])
        numbers = [int(number) for number in re.findall(rb"<PartNumber>(\d+)<", body)]
        self.server.objects[path] = b"".join(parts[number] for number in numbers)
        self._answer(200, b"<CompleteMultipartUploadResult/>")

    def _asked(self) -> tuple[str, dict[str, str]]:
        path, _, query = self.path.partition("?")
        return unquote(path), {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.server.heads.append((self.command, self.path, dict(self.headers.items())))
        status, body = self.server.spoil(self.command, self.path, status, body)
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.close_connection = self.close_connection or len(self.server.heads) == self.server.closes_after

    def log_message(self, *_: object) -> None:
        return


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """What a store shows on 127.0.0.1, and the file of the authority behind it."""
    chain, key = folder / "chain.pem", folder / "key.pem"
    authority = write_pair(chain, key)
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(chain, key)
    return shown, authority


@contextlib.contextmanager
def tiny_store(shown: ssl.SSLContext | None = None) -> Iterator[TinyStore]:
    """A running one; with something to show it speaks TLS."""
    server = TinyStore()
    if shown is not None:
        server.socket = shown.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
