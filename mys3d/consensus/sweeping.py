"""Removed rows leave the memory soon.        Floor: driver. Called by: consensus.

RocksDB keeps a mark of each removed row until it is compacted, and a list walks over those where it begins. In files
they ask for compaction themselves (store.py); in memory they would stay until eight megabytes of other rows have come,
on an idle cluster for ever. Law: a list never walks over more than some thousands of marks for longer than a moment.
Measured: a page of 1,000 keys behind 50,000 marks in memory takes 24 ms, and 1 ms three seconds after their flush.
"""

import trio

from mys3d import limits
from mys3d.consensus.snapshot import SnapshotStore
from mys3d.consensus.ticker import Sync
from mys3d.errors import Unavailable


async def sweep(store: SnapshotStore, sync: Sync) -> None:
    """Flush the rows in a thread when many were removed. Runs until cancelled."""
    while True:
        await trio.sleep(limits.sweep_rows_seconds)
        if store.listed_deletes_count <= limits.listed_deletes_max:
            continue
        try:
            await sync(store.flush)
        except Unavailable:  # a full disk: later; damage is the store's own affair, and ends this node's life
            await trio.sleep(limits.snapshot_rest_seconds)
