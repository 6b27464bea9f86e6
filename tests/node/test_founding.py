"""Whose directory it is, and what the first start is told."""

import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from mys3d.config import BlobsFolder, NodeConfig, read_credentials
from mys3d.errors import Unavailable
from mys3d.model.members import Addresses, Member, MemberState
from mys3d.model.names import LogIndex, NodeId
from mys3d.node import founding
from mys3d.node.world import MachineClock, MachineEntropy
from mys3d.registry import codec, keys
from mys3d.registry.levels import LEVEL
from mys3d.registry.memory import MemoryRows

Build = Callable[..., NodeConfig]


def test_an_empty_directory_becomes_a_new_cluster_and_stays_it(config_of: Build) -> None:
    config = config_of()
    made = founding.open_identity(config, MachineEntropy(), MachineClock())
    again = founding.open_identity(config, MachineEntropy(), MachineClock())
    assert (again.cluster_id, again.node) == (made.cluster_id, made.node)
    assert founding.is_founder(again)


def test_a_node_that_has_known_another_member_is_no_founder(config_of: Build) -> None:
    made = founding.open_identity(config_of(), MachineEntropy(), MachineClock())
    grown = made.with_seeds({made.node: "127.0.0.1:1", NodeId("0" * 32): "127.0.0.1:2"})
    assert not founding.is_founder(grown)


def test_a_new_node_never_takes_the_registry_of_another(config_of: Build, tmp_path: Path) -> None:
    config = config_of(registry_path=tmp_path / "shared")
    config.registry_path.mkdir()
    (config.registry_path / "CURRENT").write_text("MANIFEST-000004\n")
    with pytest.raises(Unavailable, match="holds the registry of another node; give this node a directory of its own"):
        founding.open_identity(config, MachineEntropy(), MachineClock())
    assert not (config.data / "identity").exists()


def test_a_directory_that_cannot_be_made_is_named(config_of: Build, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="file"):
        founding.open_identity(config_of(data=tmp_path / "file" / "below"), MachineEntropy(), MachineClock())


def test_a_generated_root_key_is_kept_private_and_used_again(config_of: Build) -> None:
    config = config_of(access_key=None, secret_key=None)
    identity = founding.open_identity(config, MachineEntropy(), MachineClock())
    first, second = (founding.first_start_of(config, identity) for _ in range(2))
    assert (first.access_key, first.secret) == (second.access_key, second.secret)
    path = config.data / "credentials"
    kept = read_credentials(path)
    assert kept is not None
    assert kept.secret_key == first.secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_credentials_file_of_another_kind_stops_the_start(config_of: Build) -> None:
    config = config_of(access_key=None, secret_key=None)
    identity = founding.open_identity(config, MachineEntropy(), MachineClock())
    (config.data / "credentials").write_text("not an ini file")
    with pytest.raises(Unavailable, match="credentials"):
        founding.first_start_of(config, identity)


def test_a_configured_root_key_is_not_written_down(config_of: Build) -> None:
    config = config_of()
    identity = founding.open_identity(config, MachineEntropy(), MachineClock())
    assert founding.first_start_of(config, identity).access_key == "ROOTKEY"
    assert not (config.data / "credentials").exists()


@pytest.mark.parametrize(("host", "shown"), [("10.0.0.5", "10.0.0.5"), ("fd00::1", "[fd00::1]")])
def test_addresses_are_those_that_others_dial(config_of: Build, host: str, shown: str) -> None:
    config = config_of(advertise_host=host)
    assert founding.addresses_of(config).peers == f"{shown}:{config.peers_bind.port}"


def test_the_capacity_is_the_configured_one_or_that_of_the_disk(config_of: Build) -> None:
    assert founding.capacity_of(config_of(capacity_bytes=5)) == 5
    assert founding.capacity_of(config_of()) > 1_000_000


def test_the_capacity_is_what_all_directories_for_blobs_give_together(config_of: Build, tmp_path: Path) -> None:
    here = shutil.disk_usage(tmp_path).total
    folders = (BlobsFolder(tmp_path / "a", None), BlobsFolder(tmp_path / "b", None), BlobsFolder(tmp_path / "c", 10**9))
    assert founding.capacity_of(config_of(blobs=folders)) == here + 10**9  # a and b share a file system


def test_a_lone_node_without_its_rows_refuses_and_one_with_others_asks_them(
    config_of: Callable[..., NodeConfig],
) -> None:
    config = config_of()
    identity = founding.open_identity(config, MachineEntropy(), MachineClock())
    founding.refuse_loneliness(config, identity, is_stale=False)
    with pytest.raises(Unavailable, match="back as it was"):
        founding.refuse_loneliness(config, identity, is_stale=True)
    identity = identity.with_seeds({**identity.seeds, NodeId("b" * 32): "10.0.0.2:9002"})
    founding.refuse_loneliness(config, identity, is_stale=True)


def test_a_node_does_not_go_back_to_software_that_knows_less(config_of: Build) -> None:
    identity = founding.open_identity(config_of(), MachineEntropy(), MachineClock())
    addresses, rows = Addresses("a:1", "a:2", "a:3"), MemoryRows()
    founding.refuse_older_software(identity, rows)
    for level in (0, LEVEL, LEVEL + 1):
        member = Member(1, identity.node, "n1", b"i" * 16, addresses, "z", 1, MemberState.ACTIVE, LogIndex(1), level)
        rows.commit([(keys.member(identity.node), codec.encode(member))])
        if level <= LEVEL:
            founding.refuse_older_software(identity, rows)
    with pytest.raises(Unavailable, match="ran newer software before"):
        founding.refuse_older_software(identity, rows)
