"""Asking a node's admin API."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from mys3d.cli import admin_client
from mys3d.cli.failure import Exit, Failure
from mys3d.cli.nodes import RunningNode

KEY = bytes(range(32))


class Answers(http.server.BaseHTTPRequestHandler):
    status = 200
    body = b'{"answer": 42}'
    seen: list[tuple[str, str, str]]
    told: list[bytes]

    def log_message(self, *_: Any) -> None:
        return

    def do_GET(self) -> None:
        self.told.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.seen.append((self.command, self.path, self.headers.get("Authorization", "")))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def do_POST(self) -> None:
        self.do_GET()


@pytest.fixture
def answers() -> Iterator[type[Answers]]:
    class Fresh(Answers):
        seen: list[tuple[str, str, str]] = []  # noqa: RUF012  # one class per test
        told: list[bytes] = []  # noqa: RUF012

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fresh)
    Fresh.port = server.server_address[1]  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Fresh
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def node(answers: Any, tmp_path: Path) -> RunningNode:
    (tmp_path / "cluster.key").write_bytes(KEY)
    return RunningNode("n1", 1, "127.0.0.1:1", f"127.0.0.1:{answers.port}", tmp_path)


def test_what_is_asked_goes_along_as_json(node: RunningNode, answers: type[Answers]) -> None:
    assert admin_client.ask(node, "POST", "/settings", {"write_quorum": "all"}) == {"answer": 42}
    assert answers.told == [b'{"write_quorum": "all"}']


def test_the_token_is_derived_from_the_cluster_key(node: RunningNode, answers: type[Answers]) -> None:
    assert admin_client.ask(node, "POST", "/token") == {"answer": 42}
    token = blake3(KEY, derive_key_context="mys3d admin").hexdigest()
    assert answers.seen == [("POST", "/_mys3d/api/v1/token", f"Bearer {token}")]


@pytest.mark.parametrize(
    ("status", "code"), [(401, Exit.DENIED), (403, Exit.DENIED), (503, Exit.UNREACHABLE), (500, Exit.FAILED)]
)
def test_a_refusal_becomes_an_exit_code(node: RunningNode, answers: type[Answers], status: int, code: Exit) -> None:
    answers.status = status
    with pytest.raises(Failure) as caught:
        admin_client.ask(node, "GET", "/status")
    assert caught.value.code == code


def test_a_refusal_is_told_in_the_nodes_own_sentence(node: RunningNode, answers: type[Answers]) -> None:
    answers.status, answers.body = 503, b'{"error":"no leader"}'
    with pytest.raises(Failure) as caught:
        admin_client.ask(node, "POST", "/token")
    assert caught.value.message == f"n1 at {node.admin} answered 503: no leader"
    assert caught.value.hint == "look at: mys3d status"
    answers.status, answers.body = 500, b"plain words"
    with pytest.raises(Failure, match="answered 500: plain words"):
        admin_client.ask(node, "POST", "/token")


def test_an_answer_that_is_not_json_is_named(node: RunningNode, answers: type[Answers]) -> None:
    answers.body = b"<html>"
    with pytest.raises(Failure, match="did not answer with JSON"):
        admin_client.ask(node, "GET", "/status")


def test_a_node_that_is_gone_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "cluster.key").write_bytes(KEY)
    with pytest.raises(Failure) as caught:
        admin_client.ask(RunningNode("n1", 1, "127.0.0.1:1", "127.0.0.1:1", tmp_path), "GET", "/status")
    assert caught.value.code == Exit.UNREACHABLE


def test_a_missing_cluster_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"cluster\.key is missing"):
        admin_client.admin_token(tmp_path)


def test_health_is_a_plain_yes_or_no(node: RunningNode, answers: type[Answers]) -> None:
    assert admin_client.health(node.admin, "ready")
    assert answers.seen[-1][:2] == ("GET", "/_mys3d/health/ready")
    answers.status = 503
    assert not admin_client.health(node.admin, "ready")
    assert not admin_client.health("127.0.0.1:1", "ready")


def test_an_admin_port_bound_to_loopback_is_found_behind_the_advertised_address(
    node: RunningNode, answers: type[Answers]
) -> None:
    port = node.admin.rpartition(":")[2]
    elsewhere = RunningNode("n1", 1, "127.0.0.9:1", f"127.0.0.9:{port}", node.data)  # nobody listens there
    assert admin_client.ask(elsewhere, "GET", "/status") == {"answer": 42}
    assert admin_client.health(elsewhere.admin, "ready")
