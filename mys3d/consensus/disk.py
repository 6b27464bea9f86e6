"""The journal's files: open, append, seal.        Floor: driver. Called by: consensus.

Law: when `write` returns, what it was given is on disk, and when `load` returns, what it found; a failed sync is never
tried again, the node crashes instead, and its next life writes the last batch anew before it trusts it.
Term and vote are written to two files, one after the other, so one of them is always whole.
Whole segments go from the front, one after the other; a reset begins a segment that voids all before it.
"""

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from mys3d import limits
from mys3d.consensus import marker, segments, trimming
from mys3d.consensus.marker import Install
from mys3d.consensus.messages import Entry
from mys3d.consensus.segments import JournalDamaged, SegmentHeader, TermRecord

SEGMENT_BYTES_MAX: Final = 64 * limits.MIB
NO_OP: Final = b"\x01"
FULL: Final = (errno.ENOSPC, errno.EDQUOT)
BASE: Final[Entry] = (NO_OP, 1, 0)  # every log starts behind this entry, which nobody ever sends


@dataclass(frozen=True, slots=True)
class Work:
    """What one cycle wants on disk. `term` None: term and vote are as they were."""

    body: bytes  # packed records, in order; empty: only the term
    term: tuple[int, str | None] | None
    last: Entry  # the end of the log after this work; its command bytes do not matter
    index_max: int  # the highest index that `body` mentions
    void_min: int | None = None  # the lowest index from which `body` voids entries, None when it voids none
    floor: int = 0  # entries up to here are on disk as rows: whole segments of them may go


@dataclass(frozen=True, slots=True)
class Loaded:
    entries: list[Entry]  # from the base entry on, without holes
    term: int
    vote: str | None
    install: Install | None = None  # an install was interrupted: `reset` and `unmark`, or only `unmark`, come next


class Disk(Protocol):
    """Where a journal keeps its bytes: files, or a simulated disk that forgets what was not synced."""

    def load(self) -> Loaded: ...

    def write(self, work: Work) -> None:
        """Blocking; durable on return. Like every method below it runs in a thread, one at a time."""
        ...

    # The next three may be repeated when they raised OSError because the disk is full.
    def mark(self, install: Install) -> None:
        """Note that the log will begin behind an installed snapshot; durable on return."""
        ...

    def reset(self, index: int, term: int) -> None:
        """Let the log begin anew behind the entry (index, term): all at once, durable on return. Term and vote stay."""
        ...

    def unmark(self) -> None:
        """Take the note back; durable on return. Without a note nothing happens."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class _Segment:
    path: Path
    header: SegmentHeader
    length: int
    index_max: int
    tail: int = 0  # where its last write begins: a batch, or the header
    void_min: int | None = None  # the lowest index from which it voids entries

    def extent(self) -> trimming.Extent:
        return trimming.Extent(self.header.base_index, self.index_max, self.void_min)

    def voids(self, index: int | None) -> None:
        if index is not None:
            self.void_min = index if self.void_min is None else min(self.void_min, index)


@dataclass(slots=True)
class FileDisk:
    """Segments and term files in one directory that belongs to one node of one cluster."""

    directory: Path
    cluster_id: bytes
    segment_bytes_max: int = SEGMENT_BYTES_MAX
    base: tuple[int, int] = BASE[1:]  # index and term of the entry behind which a new journal begins
    segments: list[_Segment] = field(default_factory=list)
    bytes_cut: int = 0  # of a torn tail, at open
    _generation: int = 0
    _file: int = -1

    def load(self) -> Loaded:
        """Open or create the journal. Raises JournalDamaged and leaves every byte as it was."""
        self.directory.mkdir(parents=True, exist_ok=True)
        sync_directory(self.directory.parent)
        void, paths = _split_at_reset(sorted(self.directory.glob("*.log")))
        loaded = self._read(paths)
        self._cut_tail(paths)
        self._drop(void)
        if loaded.install is None and (self.directory / marker.FILE_NAME).exists():
            self.unmark()  # it was being written: nothing relied on it
        self._write_term(loaded.term, loaded.vote)
        if self.segments:
            self._resume()
        else:
            self._roll(loaded.entries[-1])
        return loaded

    def examine(self) -> Loaded:
        """Read the journal and touch nothing. Raises JournalDamaged."""
        return self._read(_split_at_reset(sorted(self.directory.glob("*.log")))[1])

    def _read(self, paths: list[Path]) -> Loaded:
        assert len(self.cluster_id) == segments.CLUSTER_ID_BYTES
        term = self._load_term(is_new=not paths)
        install = self._load_marker()
        entries: list[Entry] = [(NO_OP, *self.base)]
        for path in paths:
            self._load_segment(path, entries, is_last=path == paths[-1])
        if entries[-1][2] > term.term:
            raise JournalDamaged(self.directory, 0, f"term {term.term} is older than the last entry's {entries[-1][2]}")
        return Loaded(entries, term.term, term.vote, install)

    def _resume(self) -> None:
        """Make what was read durable, then append to it.

        The node may have died between a write and its sync, or of a sync that failed: then the last batch may be in the
        page cache only, perhaps marked as clean. Writing the same bytes again makes the sync that follows a true one.
        """
        last = self.segments[-1]
        file = os.open(last.path, os.O_RDWR)
        try:
            tail = os.pread(file, last.length - last.tail, last.tail)
            assert len(tail) == last.length - last.tail, f"read {len(tail)} bytes of {last.path} at {last.tail}"
            _write_all(file, tail, last.tail)
            os.fsync(file)
        finally:
            os.close(file)
        sync_directory(self.directory)
        self._file = os.open(last.path, os.O_WRONLY | os.O_APPEND)

    def write(self, work: Work) -> None:
        """Raises OSError with a sentence: then what the disk holds is not known, and the node must end."""
        try:
            if work.term is not None:
                self._write_term(*work.term)
            if work.body:
                self._append(work)
            if work.floor:
                self._trim(work.floor, work.last)
        except OSError as error:
            raise self._told(error) from error

    def _told(self, error: OSError) -> OSError:
        """The same error, saying what it means for this node."""
        advice = "free some space" if error.errno in FULL else "the disk may be failing"
        text = (
            f"the journal cannot be written ({error.strerror}): {advice}; what was acknowledged is safe, and this node"
        )
        return OSError(error.errno, f"{text} goes on at its next start", str(self.directory))

    def _append(self, work: Work) -> None:
        segment = self.segments[-1]
        data = memoryview(segments.pack_batch(work.body, segment.length, segments.seed_of(segment.header)))
        segment.length += len(data)
        segment.index_max = max(segment.index_max, work.index_max)
        segment.voids(work.void_min)
        while data:
            data = data[os.write(self._file, data) :]
        os.fdatasync(self._file)
        if segment.length >= self.segment_bytes_max:
            self._roll(work.last)

    def _trim(self, floor: int, last: Entry) -> None:
        """Drop whole segments. The present one is sealed first, so that the next trim finds it whole."""
        if self.segments[-1].length > segments.SEGMENT_HEADER_BYTES:
            self._roll(last)
        count = trimming.dropped_count([segment.extent() for segment in self.segments], floor)
        gone, self.segments = self.segments[:count], self.segments[count:]
        self._drop([segment.path for segment in gone])

    def mark(self, install: Install) -> None:
        path = self.directory / marker.FILE_NAME
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _write_all(file, install.pack(self.cluster_id), 0)
            os.fsync(file)
        finally:
            os.close(file)
        sync_directory(self.directory)

    def reset(self, index: int, term: int) -> None:
        gone = [segment.path for segment in self.segments]
        self._roll((NO_OP, index, term), is_reset=True)
        self.segments = self.segments[-1:]
        self._drop(gone)

    def unmark(self) -> None:
        (self.directory / marker.FILE_NAME).unlink(missing_ok=True)
        sync_directory(self.directory)

    def close(self) -> None:
        if self._file != -1:
            os.close(self._file)
            self._file = -1

    def _drop(self, paths: list[Path]) -> None:
        """Remove files, the oldest first and each durably: a crash leaves no hole."""
        for path in paths:
            path.unlink()
            sync_directory(self.directory)

    def _load_marker(self) -> Install | None:
        path = self.directory / marker.FILE_NAME
        return marker.parse(path, path.read_bytes(), self.cluster_id) if path.exists() else None

    def _load_segment(self, path: Path, entries: list[Entry], is_last: bool) -> None:
        data = path.read_bytes()
        if is_last and not segments.is_whole_header(data):
            return  # its creation was cut short
        header = segments.parse_header(path, data, self.cluster_id)
        self._check_order(path, header, entries)
        bodies, stop = segments.split_batches(path, data, segments.seed_of(header), is_last)
        tail = stop - segments.BATCH_HEADER_BYTES - len(bodies[-1]) if bodies else 0
        segment = _Segment(path, header, stop, header.base_index, tail)
        for body in bodies:
            for kind, entry in segments.records(path, body):
                replay(path, entries, kind, entry)
                segment.index_max = max(segment.index_max, entry[1])
                segment.voids(entry[1] if kind == segments.TRUNCATE else None)
        self.segments.append(segment)

    def _cut_tail(self, paths: list[Path]) -> None:
        """Remove what an unsynced write left behind, now that everything else was found sound."""
        if not paths:
            return
        path, length = paths[-1], paths[-1].stat().st_size
        if len(self.segments) < len(paths):
            path.unlink()
            sync_directory(self.directory)
            self.bytes_cut = length
        elif length > self.segments[-1].length:
            _cut(path, self.segments[-1].length)
            self.bytes_cut = length - self.segments[-1].length

    def _check_order(self, path: Path, header: SegmentHeader, entries: list[Entry]) -> None:
        if path.name != _name(header.sequence):
            raise JournalDamaged(path, 0, f"the header says sequence {header.sequence}")
        if not self.segments:
            entries[:] = [(NO_OP, header.base_index, header.base_term)]
            return
        before = self.segments[-1]
        if header.sequence != before.header.sequence + 1:
            raise JournalDamaged(path, 0, f"segment {before.header.sequence + 1} is missing")
        if header.previous_bytes != before.length:
            found = f"{before.path.name} has {before.length} bytes, {header.previous_bytes} were sealed"
            raise JournalDamaged(path, 0, found)
        if (header.base_index, header.base_term) != entries[-1][1:]:
            raise JournalDamaged(path, 0, f"expected to follow entry {header.base_index}, found {entries[-1][1]}")

    def _load_term(self, is_new: bool) -> TermRecord:
        found = []
        for path in self._term_paths():
            record = segments.parse_term(path, path.read_bytes(), self.cluster_id) if path.exists() else None
            if record is not None:
                found.append(record)
        if found:
            newest = max(found, key=lambda record: record.generation)
            self._generation = newest.generation
            return newest
        if is_new:
            return TermRecord(self.cluster_id, 0, self.base[1], None)
        raise JournalDamaged(self._term_paths()[0], 0, "both copies of term and vote are missing or damaged")

    def _write_term(self, term: int, vote: str | None) -> None:
        self._generation += 1
        data = TermRecord(self.cluster_id, self._generation, term, vote).pack()
        for path in self._term_paths():
            is_new = not path.exists()
            file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.ftruncate(file, len(data))
                written = os.pwrite(file, data, 0)
                assert written == len(data), f"wrote {written} of {len(data)} bytes to {path}"
                os.fsync(file)
            finally:
                os.close(file)
            if is_new:
                sync_directory(self.directory)

    def _term_paths(self) -> tuple[Path, Path]:
        return self.directory / "term-a", self.directory / "term-b"

    def _roll(self, last: Entry, is_reset: bool = False) -> None:
        """Seal the current segment, if any, and start the next one behind the entry `last`."""
        before = self.segments[-1] if self.segments else None
        header = SegmentHeader(
            cluster_id=self.cluster_id,
            sequence=before.header.sequence + 1 if before else 1,
            previous_bytes=before.length if before else 0,
            base_index=last[1],
            base_term=last[2],
            is_reset=is_reset,
        )
        path, data = self.directory / _name(header.sequence), header.pack()
        self.close()
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            written = os.write(self._file, data)
            assert written == len(data), f"wrote {written} of {len(data)} bytes to {path}"
            os.fsync(self._file)
            sync_directory(self.directory)
        except OSError:
            path.unlink(missing_ok=True)  # so that it can be tried again; nothing was written behind its header
            raise
        self.segments.append(_Segment(path, header, len(data), last[1]))


def _name(sequence: int) -> str:
    return f"{sequence:016x}.log"


def _split_at_reset(paths: list[Path]) -> tuple[list[Path], list[Path]]:
    """The segments that a reset made void, and those that count."""
    start = 0
    for position, path in enumerate(paths):
        with path.open("rb") as file:
            if segments.is_reset(file.read(segments.SEGMENT_HEADER_BYTES)):
                start = position
    return paths[:start], paths[start:]


def replay(path: Path, entries: list[Entry], kind: int, entry: Entry) -> None:
    """Bring `entries` up to date with one record. Raises JournalDamaged when it does not follow."""
    last = entries[-1][1]
    if kind == segments.TRUNCATE:
        if not entries[0][1] < entry[1] <= last:
            raise JournalDamaged(
                path, 0, f"entries from {entry[1]} on are cut, the log holds {entries[0][1]} to {last}"
            )
        del entries[entry[1] - entries[0][1] :]
        return
    if entry[1] != last + 1:
        raise JournalDamaged(path, 0, f"expected entry {last + 1}, found {entry[1]}")
    entries.append(entry)


def _write_all(file: int, data: bytes, offset: int) -> None:
    """A large write may be cut short by the kernel."""
    written = 0
    while written < len(data):
        written += os.pwrite(file, data[written:], offset + written)


def _cut(path: Path, length: int) -> None:
    file = os.open(path, os.O_WRONLY)
    try:
        os.ftruncate(file, length)
        os.fsync(file)
    finally:
        os.close(file)


def sync_directory(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
