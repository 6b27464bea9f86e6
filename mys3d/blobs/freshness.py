"""What this node remembers of its blobs, and may forget.        Floor: blobs (pure). Called by: blobs.store.

Law: forgetting is safe. A forgotten verification is done again; a touch is forgotten only by touching everything.
LIMIT: both live in memory. After a restart nothing counts as verified, and garbage collection (which starts with every
blob touched, see DESIGN of the write path) must not trust a touch from before.
"""

from mys3d import limits
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch


class Verified:
    """Blobs whose copy here was verified within the last 24 hours: two generations of at most half of that each."""

    def __init__(self) -> None:
        self._young: set[Digest] = set()
        self._old: set[Digest] = set()
        self._since: float | None = None  # None: nothing was verified yet

    def add(self, digest: Digest, now: float) -> None:
        self._age(now)
        self._young.add(digest)

    def discard(self, digest: Digest) -> None:
        self._young.discard(digest)
        self._old.discard(digest)

    def holds(self, digest: Digest, now: float) -> bool:
        self._age(now)
        return digest in self._young or digest in self._old

    def _age(self, now: float) -> None:
        if self._since is None:
            self._since = now
        generation = limits.verified_lifetime_seconds / 2
        if now - self._since >= 2 * generation:
            self._young, self._old, self._since = set(), set(), now
        elif now - self._since >= generation or len(self._young) >= limits.verified_blobs_max // 2:
            self._young, self._old, self._since = set(), self._young, now


class Touches:
    """When a blob was last asked for by a write: the two newest collection epochs; absent means older.

    The epoch of the put that wrote a record stands in the index; here are only the later touches.
    """

    def __init__(self) -> None:
        self._sets: dict[GcEpoch, set[Digest]] = {}
        self._all = GcEpoch(0)  # everything counts as touched at this epoch

    def touch(self, digest: Digest, epoch: GcEpoch) -> None:
        newest = max(self._sets, default=epoch)
        if epoch <= self._all or epoch < newest - 1:
            return
        if epoch > newest:
            for old in [known for known in self._sets if known < epoch - 1]:
                del self._sets[old]
        found = self._sets.setdefault(epoch, set())
        found.add(digest)
        if len(found) > limits.touched_blobs_max:
            self._all = epoch
            self._sets = {known: names for known, names in self._sets.items() if known > epoch}

    def remembers(self, epoch: GcEpoch) -> bool:
        """True unless a touch at `epoch` or later may have been forgotten for newer ones."""
        return epoch >= max(self._sets, default=self._all) - 1

    def touch_all(self, epoch: GcEpoch) -> None:
        """Have everything count as touched at `epoch`: single touches may be lost."""
        self._all = max(self._all, epoch)
        self._sets = {known: names for known, names in self._sets.items() if known > self._all}

    def epoch_of(self, digest: Digest) -> GcEpoch:
        """The newest epoch at which `digest` was touched, 0 when none is remembered."""
        return max([self._all, *(epoch for epoch, names in self._sets.items() if digest in names)])
