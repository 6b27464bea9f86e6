"""The Raft log: in memory for the engine, in batches for the disk.        Floor: driver. Called by: consensus.

Law: changes are made on the loop and only collected; `take` hands one cycle's worth to the disk, and nothing that a
message promises leaves this node before `wrote`. `durable_index` never runs ahead of the disk.
LIMIT: the whole log is held in memory and on disk; compaction comes with snapshots.
"""

from pysyncobj.journal import Journal as StockJournal

from mys3d.consensus import segments
from mys3d.consensus.disk import Disk, Work
from mys3d.consensus.messages import Entry


class Journal(StockJournal):  # type: ignore[misc] # PySyncObj ships no types
    """What PySyncObj expects of a journal, over a `Disk`. `journal[0]` is the entry before the first one kept."""

    def __init__(self, disk: Disk) -> None:
        loaded = disk.load()
        self.disk = disk
        self.term = loaded.term
        self.vote = loaded.vote
        self.durable_index = loaded.entries[-1][1]
        self._entries = loaded.entries
        self._records: list[bytes] = []
        self._is_term_new = False
        self._index_max = 0

    def add(self, command: bytes, index: int, term: int) -> None:
        assert index == self._entries[-1][1] + 1, f"expected entry {self._entries[-1][1] + 1}, found {index}"
        entry = (command, index, term)
        self._entries.append(entry)
        self._records.append(segments.pack_entry(entry))
        self._index_max = max(self._index_max, index)

    def deleteEntriesFrom(self, position: int) -> None:  # noqa: N802 # stock name
        assert position > 0
        index = self._entries[position][1]
        del self._entries[position:]
        self._records.append(segments.pack_truncate(index))
        self._index_max = max(self._index_max, index)
        self.durable_index = min(self.durable_index, index - 1)

    def setCurrentTerm(self, term: int, vote: str | None) -> None:  # noqa: N802 # stock name
        assert term >= self.term, f"term {term} follows {self.term}"
        self.term, self.vote = term, vote
        self._is_term_new = True

    def getCurrentTerm(self) -> int:  # noqa: N802 # stock name
        return self.term

    def getVotedForNodeId(self) -> str | None:  # noqa: N802 # stock name
        return self.vote

    def setRaftCommitIndex(self, index: int) -> None:  # noqa: N802 # stock name
        """Not stored: a leader learns it anew, and the store's applied row bounds the replay."""

    def getRaftCommitIndex(self) -> int:  # noqa: N802 # stock name
        return 1

    def _destroy(self) -> None:
        self.disk.close()

    def __getitem__(self, item: int) -> Entry:
        return self._entries[item]

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def first_index(self) -> int:
        """Index of the entry before the first one kept."""
        return self._entries[0][1]

    @property
    def last_index(self) -> int:
        return self._entries[-1][1]

    def between(self, start: int, stop: int) -> list[Entry]:
        """Return the entries with index in [start, stop)."""
        first = self._entries[0][1]
        assert start > first, f"entries up to {first} are gone, asked for {start}"
        return self._entries[start - first : stop - first]

    @property
    def is_dirty(self) -> bool:
        return bool(self._records) or self._is_term_new

    def take(self) -> Work:
        """Hand over what the disk must hold next. Only one work is under way at a time."""
        work = Work(
            body=b"".join(self._records),
            term=(self.term, self.vote) if self._is_term_new else None,
            last=self._entries[-1],
            index_max=self._index_max,
        )
        self._records = []
        self._is_term_new = False
        self._index_max = 0
        return work

    def wrote(self, work: Work) -> None:
        """The disk holds `work`; nothing was changed since `take`, or only appended."""
        self.durable_index = min(work.last[1], self.last_index)
