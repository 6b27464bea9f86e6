"""Fills the registry and the volumes of a node that is stopped, by proposals.

Each object is a blob of its own and one `PutObject` command, encoded, decoded and decided by the registry's rules as
on any node, a batch of entries a write. What it does without is HTTP and Raft: nobody votes and no entry is synced, the
log begins anew behind the last one, as it does behind a snapshot that was installed.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from mys3d import limits
from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.space import measure
from mys3d.blobs.volume import DiskCalls
from mys3d.consensus.disk import FileDisk
from mys3d.consensus.generations import GenerationStore
from mys3d.consensus.machine import MACHINE
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef, InlineBlobs
from mys3d.model.digest import digest_of
from mys3d.model.names import BucketName, Instant, LogIndex, ObjectKey, OperationId, Term
from mys3d.model.objects import Content
from mys3d.peers import identity as identities
from mys3d.registry import queries
from mys3d.registry.codec import FORMAT, encode_proposal
from mys3d.registry.commands import Command, Proposal, PutObject
from mys3d.registry.outcomes import Applied

SPREAD: Final = 2_654_435_761  # Knuth's multiplier: has no factor in common with the keys' number
KEYS_COUNT: Final = 10**10
_BLOBS_AT_ONCE: Final = 4_096  # written by one sync
_ENTRIES_AT_ONCE: Final = 64  # in one write of rows
_STALL_SECONDS: Final = 0.01
_CONTENT: Final = Content("application/octet-stream")

Tells = Callable[[int], None]  # how many objects are done


def key_of(number: int) -> str:
    """Keys of consecutive numbers lie far apart, and those of the first N all over the bucket."""
    return f"scale/{number * SPREAD % KEYS_COUNT:010d}"


def neighbour_of(number: int) -> str:
    """Keys of consecutive numbers are neighbours, in the middle of those of `key_of`."""
    return f"{BEFORE_NEIGHBOURS}-{number:08d}"


BEFORE_NEIGHBOURS: Final = f"scale/{KEYS_COUNT // 2:010d}"  # a page behind this key begins with them


def body_of(key: str, length: int) -> bytes:
    """As many bytes, that no other key has."""
    return (key.encode() * (length // len(key) + 1))[:length]


class StoppedNode:
    """Rows, blobs and journal of a data directory that no node runs in."""

    def __init__(self, data: Path, store: GenerationStore, blobs: Directory, bucket: str) -> None:
        self._store: Final = store
        self._blobs: Final = blobs
        self.data: Final = data
        self.index, self.term = queries.applied(store.reader())
        found = queries.bucket(store.reader(), BucketName(bucket))
        layout = queries.layout(store.reader())
        if found is None or layout is None:
            raise SystemExit(f"{data} has no bucket {bucket}: start its node once")
        self._bucket, self._layout_epoch = found.id, layout.epoch
        self._gc_epoch = queries.gc_epoch(store.reader())

    def fill(self, keys: Iterator[str], length: int, tells: Tells) -> None:
        """Make an object of each key."""
        done = 0
        while batch := [(key, body_of(key, length)) for key in islice(keys, _BLOBS_AT_ONCE)]:
            blobs = [NewBlob(digest_of(body), (body,), length, self._gc_epoch) for _, body in batch]
            self._blobs.commit(blobs)
            commands = [self._put(key, body, blob) for (key, body), blob in zip(batch, blobs, strict=True)]
            for start in range(0, len(commands), _ENTRIES_AT_ONCE):
                self._apply(commands[start : start + _ENTRIES_AT_ONCE])
            done += len(batch)
            tells(done)

    def _put(self, key: str, body: bytes, blob: NewBlob) -> PutObject:
        return PutObject(
            self._bucket,
            ObjectKey(key),
            blob.length,
            hashlib.md5(body, usedforsecurity=False).hexdigest(),
            InlineBlobs((BlobRef(blob.digest, blob.length),)),
            _CONTENT,
            (),
            self._layout_epoch,
            self._gc_epoch,
        )

    def _apply(self, commands: Sequence[Command]) -> None:
        overlay = MACHINE.overlay(self._store.reader())
        now = Instant(time.time_ns() // 1_000_000)
        for command in commands:
            self.index = LogIndex(self.index + 1)
            expires_at = LogIndex(self.index + limits.operation_lifetime_entries)
            payload = encode_proposal(Proposal(FORMAT, OperationId(os.urandom(16)), expires_at, now, command))
            _, outcome = MACHINE.apply_command(overlay, self.index, Term(self.term), payload)
            assert isinstance(outcome, Applied), f"entry {self.index}: {outcome}"
        while True:
            try:
                return self._store.write(overlay.writes())
            except Unavailable:  # the store asks for time
                time.sleep(_STALL_SECONDS)

    def end_log(self) -> None:
        """Have the journal begin behind the last entry, with every row on disk."""
        self._store.flush()
        identity = identities.load(self.data)
        journal = FileDisk(self.data / "journal", identity.cluster_id)
        journal.load()
        journal.reset(self.index, self.term)
        journal.close()


@contextmanager
def stopped(data: Path, bucket: str) -> Iterator[StoppedNode]:
    """Open the directory of a node that does not run; at the end everything is on disk."""
    identity = identities.load(data)
    store = GenerationStore(data / "registry")
    try:
        blobs = Directory(data / "blobs", identity.cluster_id, DiskCalls(), measure)
        try:
            node = StoppedNode(data, store, blobs, bucket)
            yield node
            node.end_log()
        finally:
            blobs.close()
    finally:
        store.close()
