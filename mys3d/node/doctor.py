"""A stopped node's files, looked at and not touched.        Floor: composition root. Called by: cli.

Law: nothing is written, and nothing is believed: rows are read past their checksums and held against each other, the
journal against the store, the index of the blobs against the volumes. A sentence says what is wrong and what happens.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mys3d.blobs import examine as blobs
from mys3d.config import NodeConfig
from mys3d.consensus.disk import FileDisk
from mys3d.consensus.generation_files import GenerationFiles
from mys3d.consensus.messages import Entry
from mys3d.consensus.segments import JournalDamaged
from mys3d.consensus.store import RocksStore
from mys3d.consensus.store_faults import StoreDamaged
from mys3d.node.founding import JOURNAL_NAME
from mys3d.peers import identity as identities
from mys3d.registry import invariants, queries

_made_anew: Final = "the next start makes it anew, from the journal or another node"


def examine(config: NodeConfig) -> Iterator[str]:
    """Yield what is wrong with the files of a node that does not run. Raises Unavailable: they cannot be read."""
    identity = identities.load(config.data)
    applied: tuple[int, int] | None = None
    try:
        store = RocksStore(_rows_path(config.registry_path), is_read_only=True)
    except StoreDamaged as error:
        yield f"{error}; {_made_anew}"
    else:
        try:
            applied = store.applied_at_open
            yield from _rows(store, identity.cluster_id)
        finally:
            store.close()
    yield from _journal(config, identity.cluster_id, applied)
    for folder in config.blobs:
        yield from blobs.examine(folder.path, identity.cluster_id)


def _rows_path(registry: Path) -> Path:
    """The generation that counts; a store of an earlier release lies in `registry` itself. Raises StoreDamaged."""
    files = GenerationFiles(registry)
    name = files.current()
    return registry if name is None else files.directory(name)


def _rows(store: RocksStore, cluster_id: bytes) -> Iterator[str]:
    try:
        yield from invariants.violations(store.reader())
        cluster = queries.cluster(store.reader())
    except StoreDamaged as error:
        yield f"{error}; {_made_anew}"
        return
    if cluster is not None and cluster.cluster_id != cluster_id:
        yield f"the registry in {store.path} belongs to cluster {cluster.cluster_id.hex()}"


def _journal(config: NodeConfig, cluster_id: bytes, applied: tuple[int, int] | None) -> Iterator[str]:
    path = config.data / JOURNAL_NAME
    try:
        entries = FileDisk(path, cluster_id).examine().entries
    except JournalDamaged as error:
        yield f"{error}; the node will not start with it"
        return
    if applied is None or applied[0] == 0:
        return
    yield from _store_against_journal(entries, *applied)


def _store_against_journal(entries: list[Entry], index: int, term: int) -> Iterator[str]:
    first, last = entries[0][1], entries[-1][1]
    if index > last:
        yield f"the registry has applied entry {index}, and the journal ends at {last}: entries were lost from it"
    elif index < first:
        yield f"the registry has applied entry {index}, and the journal begins behind {first}: a snapshot is needed"
    elif index > first and entries[index - first][2] != term:
        found = entries[index - first][2]
        yield f"the registry applied entry {index} in term {term}, and the journal has it in term {found}"
