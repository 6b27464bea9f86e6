"""Registries that are filled without a node; tests/system/test_scale.py starts one on them."""

from pathlib import Path

import pytest

from bench.scale_fill import body_of, key_of, stopped
from bench.scale_snapshot import snapshot
from mys3d.blobs.directory import Directory
from mys3d.blobs.space import measure
from mys3d.blobs.volume import DiskCalls
from mys3d.consensus.disk import FileDisk
from mys3d.consensus.generations import GenerationStore
from mys3d.consensus.machine import MACHINE
from mys3d.model.buckets import BucketConfiguration
from mys3d.model.digest import digest_of
from mys3d.model.members import Addresses
from mys3d.model.names import BucketId, BucketName, Instant, LogIndex, ObjectKey, OperationId, Term, UserId
from mys3d.node.world import MachineEntropy
from mys3d.peers import identity as identities
from mys3d.registry import queries
from mys3d.registry.codec import FORMAT, encode_proposal
from mys3d.registry.commands import Command, CreateBucket, InitialiseCluster, Proposal
from mys3d.registry.invariants import violations
from mys3d.registry.outcomes import Applied

LENGTH = 100


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The directory of a node that made a cluster and a bucket, and was stopped."""
    identity = identities.create_cluster(tmp_path / "data", MachineEntropy(), Instant(1), "h:9002")
    addresses = Addresses("h:9000", "h:9001", "h:9002")
    commands: list[Command] = [
        InitialiseCluster(
            identity.cluster_id, identity.node, "n", identity.incarnation, addresses, "z", 10**12, "us-east-1"
        ),
        CreateBucket(BucketName("scale"), UserId("ROOT"), BucketConfiguration()),
    ]
    store = GenerationStore(identity.directory / "registry")
    overlay = MACHINE.overlay(store.reader())
    for index, command in enumerate(commands, 1):
        proposal = Proposal(FORMAT, OperationId(bytes([index]) * 16), LogIndex(1_000), Instant(1), command)
        _, outcome = MACHINE.apply_command(overlay, LogIndex(index), Term(0), encode_proposal(proposal))
        assert isinstance(outcome, Applied), outcome
    store.write(overlay.writes())
    store.close()
    FileDisk(identity.directory / "journal", identity.cluster_id).load()
    return identity.directory


def test_every_key_has_its_rows_its_blob_and_its_place_behind_the_log(data: Path) -> None:
    told: list[int] = []
    keys = [key_of(number) for number in range(5_000)]
    with stopped(data, "scale") as node:
        node.fill(iter(keys), LENGTH, told.append)
    assert told == [4_096, 5_000]
    identity = identities.load(data)
    store = GenerationStore(data / "registry")
    reader = store.reader()
    assert queries.applied(reader) == (5_002, 0)
    assert violations(reader) == []
    assert all(queries.live(reader, BucketId(2), ObjectKey(key)) for key in keys)
    store.close()
    assert FileDisk(data / "journal", identity.cluster_id).load().entries[-1][1:] == (5_002, 0)
    blobs = Directory(data / "blobs", identity.cluster_id, DiskCalls(), measure)
    assert all(blobs.index.find(digest_of(body_of(key, LENGTH))) for key in keys)
    blobs.close()


def test_a_directory_without_the_bucket_says_so(data: Path) -> None:
    with pytest.raises(SystemExit, match="has no bucket other"), stopped(data, "other"):
        pass


def test_a_snapshot_of_it_is_frozen_received_and_removed(data: Path, tmp_path: Path) -> None:
    with stopped(data, "scale") as node:
        node.fill(map(key_of, range(500)), LENGTH, lambda _: None)
    found = snapshot(data / "registry", tmp_path)
    assert found.files_count > 2 and found.bytes > 500 * LENGTH
    assert not [path for path in tmp_path.rglob("*") if "checkpoint" in path.name or "incoming" in path.name]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]
