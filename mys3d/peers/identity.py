"""Whose data directory this is: the files that make a process a member.        Floor: driver. Called by: node, join.

Law: `identity` is written last, so a directory that has it has everything; every file is written aside, synced, renamed
and its directory synced. Secrets are 0600. A directory of another format or cluster is refused, never adopted.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from mys3d.errors import Unavailable
from mys3d.model.names import Instant, NodeId, parse_node_id
from mys3d.peers import pki
from mys3d.peers.pki import Authority
from mys3d.ports import Entropy

FORMAT: Final = 1
NAME: Final = "identity"
KEY_BYTES: Final = 32
ID_BYTES: Final = 16
_TLS: Final = "tls"


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    cluster_id: str
    node: str
    incarnation: str
    seeds: dict[str, str]


class _Numbered(msgspec.Struct, frozen=True):
    format: int


@dataclass(frozen=True, slots=True)
class Identity:
    """One node's identity as its directory holds it. `seeds` are the peers addresses of members, itself included."""

    directory: Path
    cluster_id: bytes
    node: NodeId
    incarnation: bytes
    seeds: dict[NodeId, str]
    cluster_key: bytes
    authority: Authority

    @property
    def tls(self) -> Path:
        """The folder of ca.pem, node.pem and node.key."""
        return self.directory / _TLS

    def with_incarnation(self, incarnation: bytes) -> "Identity":
        """Vote in another name from now on, durably. Raises Unavailable."""
        changed = replace(self, incarnation=incarnation)
        _guard(self.directory, lambda: _write_identity(changed))
        return changed

    def with_seeds(self, seeds: Mapping[NodeId, str]) -> "Identity":
        """Remember other addresses, durably. Raises Unavailable."""
        changed = replace(self, seeds=dict(seeds))
        if changed.seeds != self.seeds:
            _guard(self.directory, lambda: _write_identity(changed))
        return changed


@dataclass(frozen=True, slots=True)
class Membership:
    """What a directory is made from: all of it is new for a new cluster, most of it comes with a grant."""

    cluster_id: bytes
    node: NodeId
    incarnation: bytes
    seeds: dict[NodeId, str]
    cluster_key: bytes
    authority: Authority
    certificate: bytes
    key: bytes


def exists(directory: Path) -> bool:
    return (directory / NAME).exists()


def new_node_id(entropy: Entropy) -> NodeId:
    return NodeId(entropy.token(ID_BYTES).hex())


def create_cluster(directory: Path, entropy: Entropy, now: Instant, address: str) -> Identity:
    """Make `directory` the first node of a new cluster. `address` is its peers address. Raises Unavailable."""
    cluster_id, node, key = entropy.token(ID_BYTES), new_node_id(entropy), pki.new_key()
    authority = pki.new_authority(cluster_id, now)
    membership = Membership(
        cluster_id=cluster_id,
        node=node,
        incarnation=entropy.token(ID_BYTES),
        seeds={node: address},
        cluster_key=entropy.token(KEY_BYTES),
        authority=authority,
        certificate=pki.certify_key(authority, key, node, now),
        key=key,
    )
    return create(directory, membership)


def create(directory: Path, membership: Membership) -> Identity:
    """Write all files of a member. Raises Unavailable: the directory has an identity or cannot be written."""
    if exists(directory):
        raise Unavailable(f"{directory} belongs to a node already: {directory / NAME} exists")
    identity = Identity(
        directory=directory,
        cluster_id=membership.cluster_id,
        node=membership.node,
        incarnation=membership.incarnation,
        seeds=membership.seeds,
        cluster_key=membership.cluster_key,
        authority=membership.authority,
    )
    _guard(directory, lambda: _write_all(identity, membership))
    return identity


def check_writable(directory: Path) -> None:
    """Find out before anything else that files can be made here. Raises Unavailable."""
    _guard(directory, lambda: _probe(directory))


def load(directory: Path, cluster_id: bytes | None = None) -> Identity:
    """Read the identity, of `cluster_id` when one is expected. Raises Unavailable with what is wrong and where."""
    path = directory / NAME
    try:
        stored = _decode(path, path.read_bytes())
        identity = Identity(
            directory=directory,
            cluster_id=_sized(path, bytes.fromhex(stored.cluster_id), ID_BYTES),
            node=parse_node_id(stored.node),
            incarnation=_sized(path, bytes.fromhex(stored.incarnation), ID_BYTES),
            seeds={parse_node_id(node): address for node, address in stored.seeds.items()},
            cluster_key=_sized(directory / "cluster.key", (directory / "cluster.key").read_bytes(), KEY_BYTES),
            authority=Authority((directory / _TLS / "ca.pem").read_bytes(), (directory / _TLS / "ca.key").read_bytes()),
        )
        _check_certificate(identity)
    except FileNotFoundError as error:
        raise Unavailable(
            f"{error.filename} is missing: put it back, or move {directory} away and join again"
        ) from error
    except OSError as error:
        raise Unavailable(f"{directory} cannot be read: {error}") from error
    except ValueError as error:
        raise Unavailable(f"{directory} is not usable: {error}") from error
    if cluster_id is not None and cluster_id != identity.cluster_id:
        raise Unavailable(f"{path} is of cluster {identity.cluster_id.hex()}, expected {cluster_id.hex()}")
    return identity


def _decode(path: Path, data: bytes) -> _Stored:
    try:
        found = msgspec.json.decode(data, type=_Numbered).format
        if found != FORMAT:
            raise ValueError(f"{path} has format {found}, this version of mys3d reads format {FORMAT}")
        return msgspec.json.decode(data, type=_Stored)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def _sized(path: Path, value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise ValueError(f"{path}: expected {size} bytes, found {len(value)}")
    return value


def _check_certificate(identity: Identity) -> None:
    """The certificate must name this node and be the authority's. `node.key` is checked when TLS loads it."""
    folder = identity.tls
    der = pki.der_of((folder / "node.pem").read_bytes())
    named = pki.check_issued(identity.authority.certificate, der)
    if named != identity.node:
        raise ValueError(f"{folder / 'node.pem'} is of node {named}, expected {identity.node}")
    if not (folder / "node.key").exists():
        raise FileNotFoundError(2, "no such file", str(folder / "node.key"))


def _guard(directory: Path, act: Callable[[], None]) -> None:
    try:
        act()
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unavailable(f"{directory} cannot be used for data: {error.filename or directory}: {reason}") from error


def _write_all(identity: Identity, membership: Membership) -> None:
    identity.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    sync_folder(identity.directory.parent)
    identity.tls.mkdir(mode=0o700, exist_ok=True)
    sync_folder(identity.directory)
    write_aside(identity.tls / "ca.pem", membership.authority.certificate)
    write_aside(identity.tls / "ca.key", membership.authority.key)
    write_aside(identity.tls / "node.key", membership.key)
    write_aside(identity.tls / "node.pem", membership.certificate)
    write_aside(identity.directory / "cluster.key", membership.cluster_key)
    _write_identity(identity)


def _write_identity(identity: Identity) -> None:
    stored = _Stored(
        format=FORMAT,
        cluster_id=identity.cluster_id.hex(),
        node=identity.node,
        incarnation=identity.incarnation.hex(),
        seeds=dict(sorted(identity.seeds.items())),
    )
    write_aside(identity.directory / NAME, msgspec.json.format(msgspec.json.encode(stored)) + b"\n")


def _probe(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    probe = directory / "identity.probe"
    write_aside(probe, b"")
    probe.unlink()


def write_aside(path: Path, data: bytes) -> None:
    """Write aside, sync, rename, sync the directory: the file is old, or new, or not there."""
    unborn = path.with_name(path.name + ".new")
    fd = os.open(unborn, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(fd, 0o600)  # a file left by a crash keeps its mode otherwise
        while data:
            data = data[os.write(fd, data) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(unborn, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make what was created, renamed or removed in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
