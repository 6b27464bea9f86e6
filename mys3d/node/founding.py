"""Whose directory this is, and what a cluster's first start is told.        Floor: composition root. Called by: life.

Law: a directory without an identity becomes a new cluster of one; a directory with one keeps it for ever. A root key
that was generated is on disk, 0600, before anything is served.
"""

import shutil
import socket
from pathlib import Path
from typing import Final

from mys3d.config import NodeConfig, generate_credentials, read_credentials, write_credentials
from mys3d.config.credentials import CREDENTIALS_NAME
from mys3d.engine.admission import Description
from mys3d.engine.bootstrap import FirstStart
from mys3d.errors import Unavailable
from mys3d.model.members import Addresses
from mys3d.model.names import AccessKey, parse_bucket_name
from mys3d.model.settings import WriteQuorum
from mys3d.peers import identity as identities
from mys3d.peers.identity import Identity
from mys3d.ports import Clock, Entropy
from mys3d.registry import queries
from mys3d.registry.commands import ChangeSettings
from mys3d.registry.levels import LEVEL
from mys3d.registry.transaction import Reader

_ROWS: Final = ("GENERATION", "CURRENT")  # what names the rows, and what did before there were generations
BEGUN_NAME: Final = "begun"
JOURNAL_NAME: Final = "journal"
ROSTER_NAME: Final = "directories.json"
_EVERYWHERE: Final = {"0.0.0.0", "::", ""}


def open_identity(config: NodeConfig, entropy: Entropy, clock: Clock) -> Identity:
    """Load the identity of the data directory, or make the directory a new cluster. Raises Unavailable."""
    if identities.exists(config.data):
        return identities.load(config.data)
    check_registry_is_new(config)
    identities.check_writable(config.data)
    return identities.create_cluster(config.data, entropy, clock.now(), addresses_of(config).peers)


def check_registry_is_new(config: NodeConfig) -> None:
    """A new node begins without rows: those it finds are another node's. Raises Unavailable."""
    if any((config.registry_path / name).exists() for name in _ROWS):
        advice = "give this node a directory of its own: --registry DIR, or DB_BOLT_PATH"
        found = f"{config.data} is new, but {config.registry_path} holds the registry of another node"
        raise Unavailable(f"{found}; {advice}")


def is_founder(identity: Identity) -> bool:
    """True while this node has never known another member: only such a node may begin a log of its own."""
    return set(identity.seeds) == {identity.node}


def refuse_loneliness(config: NodeConfig, identity: Identity, is_stale: bool) -> None:
    """Raise Unavailable when the rows are gone, the journal does not reach back, and no other node could give them."""
    if is_stale and is_founder(identity):
        raise Unavailable(
            f"{config.registry_path} does not hold what the journal rests on, and this cluster has no other node: "
            f"put {config.registry_path} back as it was"
        )


def refuse_older_software(identity: Identity, reader: Reader) -> None:
    """A node that went back to older software may find in its log what it does not know."""
    member = queries.member(reader, identity.node)
    if member is not None and member.level > LEVEL:
        raise Unavailable(
            f"this node ran newer software before (level {member.level}, here {LEVEL}): install that again"
        )


def addresses_of(config: NodeConfig) -> Addresses:
    """Where others reach this node: what it binds, with its advertised host where it binds every interface."""
    host = config.advertise_host
    if host in _EVERYWHERE:
        host = socket.gethostname()
    bare = f"[{host}]" if ":" in host else host
    return Addresses(
        s3=f"{bare}:{config.s3_bind.port}",
        admin=f"{bare}:{config.admin_bind.port}",
        peers=f"{bare}:{config.peers_bind.port}",
    )


def description_of(config: NodeConfig, identity: Identity) -> Description:
    return Description(
        incarnation=identity.incarnation,
        addresses=addresses_of(config),
        zone=config.zone,
        capacity_bytes=capacity_of(config),
    )


def capacity_of(config: NodeConfig) -> int:
    """The configured capacity, else what the directories for blobs are given, else the sizes of their file systems."""
    if config.capacity_bytes is not None:
        return config.capacity_bytes
    given = [folder.capacity_bytes for folder in config.blobs if folder.capacity_bytes is not None]
    open_ = [_existing(folder.path) for folder in config.blobs if folder.capacity_bytes is None]
    systems = {path.stat().st_dev: path for path in open_}
    return sum(given) + sum(shutil.disk_usage(path).total for path in systems.values())


def first_start_of(config: NodeConfig, identity: Identity) -> FirstStart:
    """What the founder of a cluster is told; generates and keeps a root key when none is configured."""
    access_key, secret_key = _root_key(config)
    return FirstStart(
        cluster_id=identity.cluster_id,
        name=config.name,
        description=description_of(config, identity),
        region=config.region,
        access_key=AccessKey(access_key),
        secret=secret_key,
        bucket=parse_bucket_name(config.bucket) if config.bucket is not None else None,
        settings=settings_of(config),
    )


def settings_of(config: NodeConfig) -> ChangeSettings:
    """What is configured of the whole cluster."""
    quorum = None if config.write_quorum is None else WriteQuorum(config.write_quorum)
    return ChangeSettings(quorum, config.straggler_ms, config.gc_period_ms, config.dead_after_ms)


def _root_key(config: NodeConfig) -> tuple[str, str]:
    if config.access_key is not None and config.secret_key is not None:
        return config.access_key, config.secret_key
    path = config.data / CREDENTIALS_NAME
    try:
        kept = read_credentials(path)
    except ValueError as error:
        raise Unavailable(str(error)) from error
    if kept is None:
        kept = generate_credentials(config.region)
        write_credentials(path, kept)
    return kept.access_key, kept.secret_key


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
