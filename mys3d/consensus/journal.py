"""The Raft log: in memory for the engine, in batches for the disk.        Floor: driver. Called by: consensus.

Law: changes are made on the loop and only collected; `take` hands one cycle's worth to the disk, and nothing that a
message promises leaves this node before `wrote`. `durable_index` never runs ahead of the disk.
What is applied may be forgotten: in memory by `trim`, on disk by `drop` once the rows are flushed.
"""

from typing import Final

from pysyncobj.journal import Journal as StockJournal

from mys3d.consensus import segments
from mys3d.consensus.disk import NO_OP, Disk, Loaded, Work
from mys3d.consensus.messages import Entry

_entry_bytes: Final = 128  # of memory beside the command, measured: a tuple, two numbers, the head of the bytes


class Journal(StockJournal):  # type: ignore[misc] # PySyncObj ships no types
    """What PySyncObj expects of a journal, over a `Disk`. `journal[0]` is the entry before the first one kept."""

    def __init__(self, disk: Disk, generation: str = "") -> None:
        """`generation`: the store's. An install into it that a crash interrupted is finished; another is undone."""
        loaded = _recovered(disk, generation)
        self.disk = disk
        self.term = loaded.term
        self.vote = loaded.vote
        self.durable_index = loaded.entries[-1][1]
        self._entries = loaded.entries
        self._records: list[bytes] = []
        self._is_term_new = False
        self._index_max = 0
        self._void_min: int | None = None
        self._floor = 0  # asked of the disk with the next work
        self._floor_asked = loaded.entries[0][1]
        self.entries_bytes = sum(size_of(entry) for entry in loaded.entries)  # of memory

    def add(self, command: bytes, index: int, term: int) -> None:
        assert index == self._entries[-1][1] + 1, f"expected entry {self._entries[-1][1] + 1}, found {index}"
        entry = (command, index, term)
        self._entries.append(entry)
        self.entries_bytes += size_of(entry)
        self._records.append(segments.pack_entry(entry))
        self._index_max = max(self._index_max, index)

    def deleteEntriesFrom(self, position: int) -> None:  # noqa: N802 # stock name
        assert position > 0
        index = self._entries[position][1]
        self.entries_bytes -= sum(size_of(entry) for entry in self._entries[position:])
        del self._entries[position:]
        self._void_min = index if self._void_min is None else min(self._void_min, index)
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

    def trim(self, index: int) -> None:
        """Forget the entries up to `index`, which stays known by its term. They are applied: nobody here reads them."""
        count = index - self.first_index
        assert 0 <= count < len(self._entries), f"trim to {index}: held are {self.first_index} to {self.last_index}"
        self.entries_bytes -= sum(size_of(entry) for entry in self._entries[: count + 1])
        self._entries[: count + 1] = [(NO_OP, index, self._entries[count][2])]
        self.entries_bytes += size_of(self._entries[0])

    def drop(self, index: int) -> None:
        """Let the disk forget entries up to `index`. Only for what is on disk as rows, and trimmed."""
        assert index <= self.first_index, f"entries up to {self.first_index} are trimmed, asked to drop {index}"
        if index > self._floor_asked:
            self._floor = self._floor_asked = index

    def reset(self, index: int, term: int) -> None:
        """Begin anew behind the entry (index, term); the disk has done so already, and nothing waits for it."""
        assert not self._records, "a reset while changes wait for the disk"
        self._entries = [(NO_OP, index, term)]
        self.entries_bytes = size_of(self._entries[0])
        self.durable_index = index
        self._floor, self._floor_asked = 0, index

    @property
    def is_dirty(self) -> bool:
        return bool(self._records) or self._is_term_new or self._floor > 0

    def take(self) -> Work:
        """Hand over what the disk must hold next. Only one work is under way at a time."""
        work = Work(
            body=b"".join(self._records),
            term=(self.term, self.vote) if self._is_term_new else None,
            last=self._entries[-1],
            index_max=self._index_max,
            void_min=self._void_min,
            floor=self._floor,
        )
        self._records = []
        self._is_term_new = False
        self._index_max = 0
        self._void_min = None
        self._floor = 0
        return work

    def wrote(self, work: Work) -> None:
        """The disk holds `work`; nothing was changed since `take`, or only appended."""
        self.durable_index = min(work.last[1], self.last_index)


def size_of(entry: Entry) -> int:
    return len(entry[0]) + _entry_bytes


def _recovered(disk: Disk, generation: str) -> Loaded:
    """Load the journal; finish an install whose generation counts already, take the note of any other back."""
    loaded = disk.load()
    install = loaded.install
    if install is None:
        return loaded
    entries = loaded.entries
    if install.generation == generation:
        assert loaded.term >= install.term, f"term {loaded.term}, but a snapshot of term {install.term} was installed"
        disk.reset(install.index, install.term)
        entries = [(NO_OP, install.index, install.term)]
    disk.unmark()
    return Loaded(entries, loaded.term, loaded.vote)
