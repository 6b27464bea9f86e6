"""One copy of each blob on a node is enough.        Floor: blobs (driver). Called by: blobs.store.

Law: a copy goes only while another one in service here was verified, and its touch stays. Blobs lie in two directories
after a disk came back whose blobs had been fetched into the others meanwhile.
"""

from collections import Counter
from collections.abc import Sequence

import trio

from mys3d.blobs.depot import Depot
from mys3d.blobs.freshness import Touches
from mys3d.blobs.rendezvous import ordered
from mys3d.model.digest import DIGEST_BYTES, Digest
from mys3d.model.names import GcEpoch, Partition


async def drop_doubles(depots: Sequence[Depot], touches: Touches, partition: Partition) -> int:
    """Keep one copy of each blob of a partition, in the directory that a put would choose. Returns how many went."""
    serving = [depot for depot in depots if depot.offline is None]
    counts: Counter[Digest] = Counter()
    for depot in serving:
        counts.update(await depot.held_of(*edges_of(partition)))
    dropped_count = 0
    for digest in [digest for digest, count in counts.items() if count > 1]:
        dropped_count += await _keep_one(digest, serving, touches)
        await trio.lowlevel.checkpoint()
    return dropped_count


def edges_of(partition: Partition) -> tuple[Digest, Digest]:
    """The first and the last digest of a partition."""
    first, rest = partition << 8 * DIGEST_BYTES - 10, (1 << 8 * DIGEST_BYTES - 10) - 1
    return Digest(first.to_bytes(DIGEST_BYTES, "big")), Digest((first | rest).to_bytes(DIGEST_BYTES, "big"))


async def _keep_one(digest: Digest, depots: Sequence[Depot], touches: Touches) -> int:
    order = [depots[position] for position in ordered(digest, [(depot.id, depot.weight) for depot in depots])]
    for kept in order:
        if await kept.is_sound(digest):
            break
    else:
        return 0
    dropped_count = 0
    for depot in order:  # from here on nothing is awaited: what was sound is still held
        place = depot.find(digest)
        if depot is kept or place is None or kept.find(digest) is None or depot.is_writing(digest):
            continue
        touches.touch(digest, GcEpoch(place.touch))
        dropped_count += depot.forget(digest)
    return dropped_count
