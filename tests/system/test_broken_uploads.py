"""What only real sockets show: clients that leave in the middle, uploads that cannot succeed, nodes that die."""

import hashlib
import json
import os
import random
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from mys3d import limits
from mys3d.limits import MIB

BUCKET = "broken"


def pid_of(cluster: Any, name: str) -> int:
    return int(json.loads((cluster.data / name / "node.json").read_text())["pid"])


def sockets_of(pid: int) -> int:
    """Open sockets of a process."""
    count = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += os.readlink(entry).startswith("socket:")
        except FileNotFoundError:  # it was closed while we looked
            continue
    return count


class Unsigned(S3SigV4Auth):
    """Signs the head alone."""

    def payload(self, request: AWSRequest) -> str:
        return "UNSIGNED-PAYLOAD"


def begin(cluster: Any, name: str, method: str, path: str, *headers: str) -> socket.socket:
    """Send the head of a signed request on a connection of its own."""
    parts = urlsplit(cluster.node(name)["s3"])
    request = AWSRequest(method, f"http://{parts.netloc}/{path}")
    facts = cluster.facts
    Unsigned(Credentials(facts["access_key"], facts["secret_key"]), "s3", facts["region"]).add_auth(request)
    signed = [f"{title}: {value}" for title, value in request.headers.items()]
    connection = socket.create_connection((parts.hostname, parts.port), timeout=20)
    lines = [f"{method} /{path} HTTP/1.1", f"Host: {parts.netloc}", *signed, *headers]
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return connection


def keys(cluster: Any, bucket: str = BUCKET) -> list[str]:
    return [entry["Key"] for entry in cluster.client("n2").list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_clients_that_leave_in_the_middle_leave_nothing_behind(shared_cluster: Any, bucket: str, tools: Any) -> None:
    cluster, dice = shared_cluster, random.Random(3)
    client = cluster.client("n1")
    body = dice.randbytes(20 * MIB)
    client.put_object(Bucket=bucket, Key="whole", Body=body)
    pid = pid_of(cluster, "n1")
    before = tools.eventually(lambda: sockets_of(pid), 5, "the node has sockets")
    leavers = limits.buffer_budget_bytes // limits.blob_bytes_max + 8  # leaked buffers would leave none for the next
    for number in range(leavers):
        upload = begin(cluster, "n1", "PUT", f"{bucket}/torn-{number}", f"Content-Length: {50 * MIB}")
        upload.sendall(body[: dice.choice([100, 70_000, 500_000])])
        upload.close()
    for number in range(8):
        download = begin(cluster, "n1", "GET", f"{bucket}/whole")
        assert download.recv(100_000).startswith(b"HTTP/1.1 200")
        if number % 2:  # a reset instead of an end
            download.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        download.close()
    tools.eventually(lambda: sockets_of(pid) <= before + 2, 30, "their sockets are closed")
    client.put_object(Bucket=bucket, Key="after", Body=body)
    assert client.get_object(Bucket=bucket, Key="after")["Body"].read() == body
    assert keys(cluster, bucket) == ["after", "whole"]


@pytest.mark.campaign
def test_an_upload_that_cannot_succeed_is_refused_before_its_body_and_soon(own_cluster: Any, tools: Any) -> None:
    cluster = own_cluster
    cluster.client("n1").create_bucket(Bucket=BUCKET)
    for name in ("n2", "n3"):
        assert cluster.command("dev", "kill", name).returncode == 0

    def refused() -> str:
        upload = begin(cluster, "n1", "PUT", f"{BUCKET}/large", f"Content-Length: {limits.GIB}", "Expect: 100-continue")
        with upload:
            return upload.recv(4096).decode()

    answer = tools.eventually(lambda: (text := refused()).startswith("HTTP/1.1 503") and text, 15, "it is refused")
    assert "retry-after: 1" in answer.lower()
    started = time.monotonic()
    with begin(cluster, "n1", "GET", f"{BUCKET}/large") as read:
        assert read.recv(4096).startswith(b"HTTP/1.1 503")
    assert time.monotonic() - started < limits.barrier_deadline_seconds - 1
    for name in ("n2", "n3"):
        assert cluster.command("dev", "start", name).returncode == 0

    def is_back() -> bool:
        try:
            cluster.client("n1").put_object(Bucket=BUCKET, Key="small", Body=b"x")
        except (ClientError, BotoCoreError):
            return False
        return True

    tools.eventually(is_back, 60, "writes flow again")
    assert keys(cluster) == ["small"]


@pytest.mark.campaign
@pytest.mark.parametrize("victim", ["other", "own"])
def test_a_large_upload_survives_another_node_and_not_its_own(own_cluster: Any, tools: Any, victim: str) -> None:
    cluster = own_cluster
    cluster.client("n1").create_bucket(Bucket=BUCKET)
    body = random.Random(9).randbytes(35 * limits.blob_bytes_max)  # more blobs than a row holds: it is staged
    nodes = cluster.status()["nodes"]
    other = next(node["name"] for node in nodes if node["role"] != "leader" and node["name"] != "n1")
    half = len(body) // 2
    answer = b""
    with begin(cluster, "n1", "PUT", f"{BUCKET}/large", f"Content-Length: {len(body)}") as upload:
        upload.settimeout(60)
        upload.sendall(memoryview(body)[:half])
        os.kill(pid_of(cluster, other if victim == "other" else "n1"), signal.SIGKILL)
        try:
            upload.sendall(memoryview(body)[half:])
            answer = upload.recv(4096)
        except OSError:
            assert victim == "own"
    tools.eventually(lambda: cluster.status()["health"] == "healthy", 90, "the cluster is healthy again")
    if victim == "own":
        assert answer == b""
        assert keys(cluster) == []
        return
    assert answer.startswith(b"HTTP/1.1 200")
    for name in cluster.names:
        found = cluster.client(name).get_object(Bucket=BUCKET, Key="large")["Body"]
        digest = hashlib.sha256()
        for piece in found.iter_chunks(MIB):
            digest.update(piece)
        assert digest.digest() == hashlib.sha256(body).digest()


def test_the_same_content_and_the_same_key_at_the_same_time_through_all_nodes(shared_cluster: Any, bucket: str) -> None:
    bodies = {name: (name * 400_000).encode() for name in shared_cluster.names}
    same, failed = b"the very same" * 300_000, []

    def put(name: str, number: int) -> None:
        client = shared_cluster.client(name)
        try:
            client.put_object(Bucket=bucket, Key=f"copy-{name}-{number}", Body=same)
            client.put_object(Bucket=bucket, Key="contested", Body=bodies[name])
        except (ClientError, BotoCoreError) as error:
            failed.append(error)

    threads = [threading.Thread(target=put, args=(name, number)) for number in range(3) for name in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    answers = set()
    for name in bodies:
        client = shared_cluster.client(name)
        found = client.get_object(Bucket=bucket, Key="contested")
        body = found["Body"].read()
        assert found["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
        answers.add(body)
        assert client.get_object(Bucket=bucket, Key=f"copy-{name}-2")["Body"].read() == same
    assert len(answers) == 1
    assert answers <= set(bodies.values())
