"""Forming, growing and breaking a cluster of real processes."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.system.conftest import START_SECONDS


def start(words: list[str], log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "mys3d", *words], env=environment, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL
        )


def test_three_directories_form_a_cluster_by_start_and_join(tools: Any, tmp_path: Path) -> None:
    port = tools.free_port_run()
    environment = tools.clean_environment() | {"MYS3D_ACCESS_KEY": "ROOTKEY", "MYS3D_SECRET_KEY": "root-secret-key"}
    processes: list[subprocess.Popen[bytes]] = []
    try:
        first = ["start", "--data", str(tmp_path / "a"), "--port", str(port), "--zone", "home"]
        processes.append(start(first, tmp_path / "a.log", environment))
        client = tools.s3_client(f"http://127.0.0.1:{port}", "ROOTKEY", "root-secret-key")
        tools.eventually(lambda: answers(client), START_SECONDS, "the first node serves")
        client.create_bucket(Bucket="grown")
        client.put_object(Bucket="grown", Key="early", Body=b"one copy" * 1000)
        for number, name in enumerate(["b", "c"], start=1):
            token = tools.run_mys3d("token", "--data", str(tmp_path / "a")).stdout.strip()
            assert token.count("\n") == 0
            words = ["join", token, "--data", str(tmp_path / name), "--zone", name, "--port", str(port + 10 * number)]
            processes.append(start(words, tmp_path / f"{name}.log", tools.clean_environment()))
            grown = partial(has_copies, tools, tmp_path / "a", number + 1)
            tools.eventually(grown, START_SECONDS, f"{number + 1} copies", 0.2)
        processes[0].kill()
        processes[0].wait()
        other = tools.s3_client(
            f"http://127.0.0.1:{port + 20}", "ROOTKEY", "root-secret-key", retries={"max_attempts": 5}
        )
        tools.eventually(lambda: answers(other), START_SECONDS, "the others serve without the first")
        assert other.get_object(Bucket="grown", Key="early")["Body"].read() == b"one copy" * 1000
        other.put_object(Bucket="grown", Key="late", Body=b"two nodes are a majority of three")
    finally:
        for process in processes:
            process.kill()
            process.wait()


def answers(client: Any) -> bool:
    try:
        client.list_buckets()
    except (BotoCoreError, ClientError):
        return False
    return True


def has_copies(tools: Any, data: Path, count: int) -> bool:
    """True when every blob has so many verified copies: nothing is missing and no transition runs."""
    done = tools.run_mys3d("status", "--json", "--data", str(data))
    if done.returncode not in (0, 8):
        return False
    status = json.loads(done.stdout)
    is_whole = not status["layout"]["in_transition"] and not status["copies"]["missing_blobs"]
    return bool(is_whole and status["copies"]["target"] == count)


def test_a_token_is_used_once(tools: Any, own_cluster: Any, tmp_path: Path) -> None:
    token = own_cluster.command("token").stdout.strip()
    port = tools.free_port_run(2)
    process = start(
        ["join", token, "--data", str(tmp_path / "x"), "--port", str(port)],
        tmp_path / "x.log",
        tools.clean_environment(),
    )
    try:
        tools.eventually(lambda: len(own_cluster.status()["nodes"]) == 4, START_SECONDS, "the fourth node is a member")
        again = tools.run_mys3d("join", token, "--data", str(tmp_path / "y"), "--port", str(port + 10))
        assert again.returncode != 0
        assert "token" in again.stderr
        assert "Traceback" not in again.stderr
    finally:
        process.kill()
        process.wait()


def test_a_killed_node_stays_down_until_started(own_cluster: Any, tools: Any) -> None:
    client = own_cluster.client("n1")
    client.put_object(Bucket="demo", Key="before", Body=b"b" * 100_000)
    assert own_cluster.command("dev", "kill", "n2").returncode == 0
    tools.eventually(lambda: own_cluster.status()["health"] != "healthy", START_SECONDS, "status says degraded", 0.2)
    for number in range(10):
        client.put_object(Bucket="demo", Key=f"during-{number}", Body=b"%d" % number * 1000)
    assert own_cluster.client("n3").get_object(Bucket="demo", Key="before")["Body"].read() == b"b" * 100_000
    assert own_cluster.command("dev", "start", "n2").returncode == 0
    tools.eventually(
        lambda: own_cluster.status()["health"] == "healthy" and not own_cluster.status()["copies"]["missing_blobs"],
        START_SECONDS,
        "n2 is back and has every copy",
        0.3,
    )
    for number in range(10):
        answer = own_cluster.client("n2").get_object(Bucket="demo", Key=f"during-{number}")
        assert answer["Body"].read() == b"%d" % number * 1000


def test_a_restarted_cluster_has_everything(tools: Any, own_cluster: Any) -> None:
    own_cluster.client("n2").put_object(Bucket="demo", Key="kept", Body=b"over the night")
    port = int(own_cluster.node("n1")["s3"].rsplit(":", 1)[1])
    own_cluster.stop()
    again = tools.start_dev(own_cluster.data, port)
    try:
        assert again.facts["access_key"] == own_cluster.facts["access_key"]
        for name in again.names:
            assert again.client(name).get_object(Bucket="demo", Key="kept")["Body"].read() == b"over the night"
    finally:
        again.stop()
