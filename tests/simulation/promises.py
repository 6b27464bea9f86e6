"""What a node must remember through all its lives.        Floor: tests. Called by: install, storm, world.

Law: what a disk synced is found again by the next start, unless a fault destroyed it; a blob that was said to be held
under an epoch is kept until no commit of that epoch is accepted any more. Nothing here knows how a node does that.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from mys3d.consensus.disk import Loaded, Work
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch


@dataclass
class Promises:
    """Of one node. `note` says what was broken."""

    note: Callable[[str], None]
    is_journal_harmed: bool = False  # by a fault: from then on until it is put aside nothing is known of it
    vote: tuple[int, str | None] = (0, None)  # term and vote, as they were synced last
    end: tuple[int, int] = (0, 0)  # term and index of the last entry that was synced
    before: tuple[int, int] | None = None  # the end of the log that is being replaced; None: none is
    touches: dict[Digest, GcEpoch] = field(default_factory=dict)  # the epoch at which a blob was said to be held

    def wrote(self, work: Work) -> None:
        if work.term is not None:
            self.vote = work.term
        if work.body:
            self.end = (work.last[2], work.last[1])

    def loaded(self, found: Loaded) -> None:
        """A start read its journal. What was written and not known to be synced may be there as well."""
        if self.is_journal_harmed:
            self._forget_journal()
            return
        term, voted = self.vote
        if found.term < term or (found.term == term and voted is not None and found.vote != voted):
            self.note(f"it voted for {voted} in term {term}, and remembers {found.vote} in term {found.term}")
        last = (found.entries[-1][2], found.entries[-1][1])
        if last < min(self.end, self.before or self.end):
            self.note(f"its journal ends with entry {last[1]} of term {last[0]}, it synced {self.end[1]}")
        if self.before is not None:
            self.end, self.before = last, None  # a crash in between: either log is right

    def resets(self, index: int, term: int) -> None:
        """The log is about to begin anew behind this entry."""
        self.before, self.end = self.end, (term, index)

    def was_reset(self) -> None:
        self.before = None

    def put_aside(self) -> None:
        """The node gave its journal up, to come back in another incarnation. It may do so twice."""
        if not self.is_journal_harmed and self.end > (0, 0):
            self.note("it gave its journal up, which no fault had harmed")
        self.is_journal_harmed = False
        self._forget_journal()

    def began_log(self, applied: int, is_stale: bool) -> None:
        """A start has its rows and its journal."""
        if is_stale and applied > 0:
            self.note(f"its rows end with entry {applied}, and its journal begins behind that")

    def held(self, digest: Digest, epoch: GcEpoch) -> None:
        self.touches[digest] = max(epoch, self.touches.get(digest, epoch))

    def forgot(self, digest: Digest, touch_max: GcEpoch) -> None:
        """A sound copy was deleted; commits of epochs up to `touch_max` are refused by now."""
        promised = self.touches.pop(digest, GcEpoch(0))
        if promised > touch_max:
            self.note(f"it forgot blob {digest.hex()[:8]} of epoch {touch_max}, said to be held in epoch {promised}")

    def lost_blobs(self) -> None:
        """A fault took them."""
        self.touches.clear()

    def _forget_journal(self) -> None:
        self.vote, self.end, self.before = (0, None), (0, 0), None
