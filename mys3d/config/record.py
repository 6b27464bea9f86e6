"""The frozen record of one node's configuration, and what is wrong with text that gives none.        Floor: config.

Called by: node, cli. Law: a `NodeConfig` that exists is valid; secrets never appear in its repr.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from mys3d import limits


class Address(NamedTuple):
    """Where a socket listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class BlobsFolder(NamedTuple):
    """A directory for blobs."""

    path: Path
    capacity_bytes: int | None  # None: the size of its file system

    def __str__(self) -> str:
        return str(self.path) if self.capacity_bytes is None else f"{self.path}={self.capacity_bytes}"


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Everything one node is told. `notes` are sentences for the log: which defaults were chosen."""

    data: Path
    registry_path: Path
    blobs: tuple[BlobsFolder, ...]  # at least one
    s3_bind: Address
    admin_bind: Address
    peers_bind: Address
    advertise_host: str  # what other nodes and clients connect to
    endpoint: str  # public S3 URL
    name: str
    zone: str
    capacity_bytes: int | None  # None: the size of the file system
    region: str
    access_key: str | None  # None: generated on the first start
    secret_key: str | None = field(repr=False)  # None exactly when access_key is None
    bucket: str | None  # created at start; None: no bucket
    log_level: str  # debug, info, warning or error
    write_quorum: str | None = None  # of the whole cluster, seeded by its first start; None: not configured
    straggler_ms: int | None = None  # the same
    gc_period_ms: int | None = None  # the same
    dead_after_ms: int | None = None  # the same
    domains: tuple[str, ...] = ()  # a bucket may stand in front of each in the Host header
    certificate: tuple[Path, Path] | None = None  # chain and key of the S3 port; None: plain HTTP
    log_keep_entries: int = limits.log_keep_entries  # applied entries of the Raft log kept for nodes a little behind
    peers_bulk: str = "tls"  # "plain": blobs over 64 KiB go unencrypted to peers that are told the same
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where it was found, and the line itself when it came from a file."""

    where: str
    message: str
    excerpt: str = ""

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}"
        return f"{head}\n{self.excerpt}" if self.excerpt else head


class ConfigurationInvalid(ValueError):
    """The configuration has at least one problem. `problems` names all of them."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}, nothing started."
        super().__init__("\n".join([*map(str, problems), count]))
        self.problems = problems
