"""A program that understands `start`, `join` and `token` as a node does, without a store behind it.

The members are the directories whose `identity` names the same cluster; `node.json`, health and status are real enough
for the command line and the supervisor. A file `refuse` beside the directories makes every node end at once.
"""

import http.server
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from blake3 import blake3

KEY = b"k" * 32
TOKEN = blake3(KEY, derive_key_context="mys3d admin").hexdigest()


def option(words: list[str], name: str, default: str = "") -> str:
    return words[words.index(name) + 1] if name in words else default


def status_of(root: Path) -> dict[str, Any]:
    nodes = []
    for place in sorted(root.glob("n*/node.json")):
        facts = json.loads(place.read_text())
        disk = {"size_bytes": 2 * 10**12, "free_bytes": 10**12, "blobs_count": 7}
        role = "leader" if facts["name"] == "n1" else "follower"
        nodes.append(
            {"id": "0" * 32, "name": facts["name"], "zone": "default", "state": "active", "role": role, "term": 1}
            | {"reachable": True, "applied_index": 9, "lag": 0, "disk": disk, "blobs_missing": 0, "version": "0"}
            | {name: facts[name] for name in ("s3", "admin", "peers")}
        )
    layout = {"epoch": len(nodes), "sealed": 0, "in_transition": False}
    cluster = {"id": "c" * 32, "region": "us-east-1"}
    words = {"format": 1, "health": "healthy", "writable": True, "sentence": "can lose 1 node"}
    words |= {"garbage": {"blobs_count": 0, "bytes_count": 0, "walked_ago_seconds": 1}}
    return words | {"cluster": cluster, "copies": {"target": 3, "missing_blobs": 0}, "layout": layout, "nodes": nodes}


class Answers(http.server.BaseHTTPRequestHandler):
    root: Path

    def log_message(self, *_: Any) -> None:
        return

    def do_GET(self) -> None:
        if self.path.startswith("/_mys3d/health/"):
            return self.answer(200, {})
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self.answer(401, {})
        return self.answer(200, status_of(self.root)) if self.path.endswith("/status") else self.answer(404, {})

    def do_POST(self) -> None:
        allowed = self.headers["Authorization"] == f"Bearer {TOKEN}"
        self.answer(200 if allowed else 401, {"token": "MYS1.aa.bb@127.0.0.1:1", "expires_at": 0})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main(words: list[str]) -> None:
    data = Path(option(words, "--data"))
    if words[0] == "token":
        print("MYS1.aa.bb@127.0.0.1:1")
        return
    if (data.parent / "refuse").exists():
        sys.exit("this node was told to refuse")
    assert (words[0] == "start") == (data.name == "n1" or (data / "identity").exists()), words
    (data / "identity").write_text("member")
    (data / "cluster.key").write_bytes(KEY)
    port = int(option(words, "--port"))
    places = {name: f"127.0.0.1:{port + offset}" for offset, name in enumerate(("s3", "admin", "peers"))}
    Answers.root = data.parent
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port + 1), Answers)
    (data / "node.json").write_text(json.dumps({"name": option(words, "--name"), "pid": os.getpid(), **places}))
    print("environment:", sorted(name for name in os.environ if name.startswith(("MYS3D_", "S3_"))), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.buffer.read()  # until the supervisor is gone


if __name__ == "__main__":
    main(sys.argv[1:])
