"""Voters that die, disks that are replaced and nodes that never come back, on real processes (`make lost-node`)."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def four(tools: Any, tmp_path: Path) -> Iterator[Any]:
    """Four settled nodes of their own, quick to call one of them dead."""
    cluster = tools.start_dev(tmp_path / "four", tools.free_port_run(4), nodes=4)
    try:
        tools.eventually(lambda: is_settled(cluster, 4), 60, "four nodes, three copies", 0.3)
        assert cluster.command("settings", "dead_after_ms=1500").returncode == 0
        yield cluster
    finally:
        cluster.stop()


def is_settled(cluster: Any, nodes: int) -> bool:
    status = cluster.status()
    is_calm = not status.get("layout", {}).get("in_transition", True) and status["copies"]["missing_blobs"] == 0
    return is_calm and len(status["nodes"]) == nodes and len(voters(cluster)) == 3


def roles(cluster: Any) -> dict[str, str]:
    return {node["name"]: node["role"] for node in cluster.status()["nodes"]}


def voters(cluster: Any) -> set[str]:
    return {name for name, role in roles(cluster).items() if role != "learner"}


@pytest.mark.campaign
def test_a_dead_voter_is_replaced_comes_back_as_a_learner_and_can_be_removed(tools: Any, four: Any) -> None:
    lost = next(name for name, role in roles(four).items() if role == "follower")
    learner = next(name for name, role in roles(four).items() if role == "learner")
    others = [name for name in four.names if name not in (lost, learner)]
    client = four.client(learner, retries={"max_attempts": 5})
    client.create_bucket(Bucket="kept")
    client.put_object(Bucket="kept", Key="before", Body=b"three copies" * 1000)
    assert four.command("dev", "kill", lost).returncode == 0
    tools.eventually(lambda: voters(four) == {learner, *others}, 60, "the learner has the vote", 0.3)
    client.put_object(Bucket="kept", Key="while", Body=b"it is gone" * 1000)
    assert four.command("dev", "start", lost).returncode == 0
    tools.eventually(lambda: is_settled(four, 4) and is_up(four, lost), 60, "it is back", 0.3)
    assert roles(four)[lost] == "learner"

    refused = four.command("remove", lost)
    assert "still-needed" in refused.stderr
    assert four.command("dev", "kill", lost).returncode == 0
    tools.eventually(lambda: not is_up(four, lost), 30, "it is gone", 0.3)
    assert four.command("remove", lost).returncode == 0
    tools.eventually(lambda: is_settled(four, 3), 60, "three nodes hold everything", 0.3)
    for key in ("before", "while"):
        assert len(client.get_object(Bucket="kept", Key=key)["Body"].read()) > 0
    assert lost not in roles(four)


def is_up(cluster: Any, name: str) -> bool:
    return any(node["name"] == name and node["reachable"] for node in cluster.status()["nodes"])


def test_a_voter_whose_journal_and_registry_were_wiped_votes_again(tools: Any, own_cluster: Any) -> None:
    client = own_cluster.client("n1", retries={"max_attempts": 5})
    client.create_bucket(Bucket="wiped")
    for number in range(20):
        client.put_object(Bucket="wiped", Key=f"{number}", Body=b"x" * 1000)
    lost = next(name for name, role in roles(own_cluster).items() if role == "follower")
    data = Path(own_cluster.node(lost)["data"])
    assert own_cluster.command("dev", "kill", lost).returncode == 0
    shutil.rmtree(data / "journal")
    shutil.rmtree(data / "registry")
    assert own_cluster.command("dev", "start", lost).returncode == 0
    tools.eventually(lambda: is_up(own_cluster, lost) and len(voters(own_cluster)) == 3, 60, "three voters again", 0.3)
    tools.eventually(lambda: '"reborn":true' in (data / "journal" / "incarnation").read_text(), 5, "a new name")
    other = own_cluster.client(lost, retries={"max_attempts": 5})
    tools.eventually(lambda: len(other.list_objects_v2(Bucket="wiped").get("Contents", [])) == 20, 30, "all keys")
