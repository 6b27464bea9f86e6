"""The journal's bytes in its files.        Floor: driver. Called by: disk, journal.

Layout, little endian. Segment `<sequence, 16 hex>.log`: a header of 64 bytes (magic, format, cluster id, sequence,
length of the previous segment, index and term of the last entry before it, checksum), then batches. Format 2 marks a
segment that voids every one before it: the log begins anew behind an installed snapshot; others have format 1. Batch:
a header of 24 bytes (magic, body length, body checksum, synced end, header checksum), then records `kind, length,
index, term, bytes`. `term-a` and `term-b`: one record each (magic, format, cluster id, generation, term, vote,
checksum).

Law: a batch is written only after the one before it was synced; its `synced end` is its own offset and says so. So a
bad batch with anything after it, or in a sealed segment, is damage and refuses to open; only the tail of the last
segment may be cut. The seed of batch header checksums is the segment header's checksum: no payload can imitate a
batch.
LIMIT: damage inside the very last synced batch looks like a torn write and is cut."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mys3d.consensus.messages import Entry

FORMAT: Final = 1
RESET_FORMAT: Final = 2
ENTRY: Final = 1
TRUNCATE: Final = 2

SEGMENT_MAGIC: Final = b"MYS3LOG\n"
BATCH_MAGIC: Final = b"BTCH"
TERM_MAGIC: Final = b"MYS3TRM\n"

_SEGMENT: Final = struct.Struct("<8sHH16sQQQQ")  # and its checksum
_BATCH: Final = struct.Struct("<4sIIQ")  # and its checksum
_TERM: Final = struct.Struct("<8sHH16sQQB64s")  # and its checksum
_CHECKSUM: Final = struct.Struct("<I")
_RECORD: Final = struct.Struct("<BIQQ")
SEGMENT_HEADER_BYTES: Final = _SEGMENT.size + _CHECKSUM.size
BATCH_HEADER_BYTES: Final = _BATCH.size + _CHECKSUM.size
TERM_BYTES: Final = _TERM.size + _CHECKSUM.size
CLUSTER_ID_BYTES: Final = 16


class JournalDamaged(Exception):
    """The journal cannot be trusted and was left untouched. Names the file and the byte offset."""

    def __init__(self, path: Path, offset: int, why: str) -> None:
        super().__init__(f"journal {path} at byte {offset}: {why}")
        self.path = path
        self.offset = offset


class JournalForeign(JournalDamaged):
    """Nothing is wrong with it, but it is another cluster's, or of another release: it stays where it is."""


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    cluster_id: bytes
    sequence: int
    previous_bytes: int  # length of the segment before, 0 for the first
    base_index: int  # the last entry before this segment
    base_term: int
    is_reset: bool = False  # the segments before it are void

    def pack(self) -> bytes:
        head = _SEGMENT.pack(
            SEGMENT_MAGIC,
            RESET_FORMAT if self.is_reset else FORMAT,
            0,
            self.cluster_id,
            self.sequence,
            self.previous_bytes,
            self.base_index,
            self.base_term,
        )
        return head + _CHECKSUM.pack(zlib.crc32(head))


@dataclass(frozen=True, slots=True)
class TermRecord:
    cluster_id: bytes
    generation: int
    term: int
    vote: str | None

    def pack(self) -> bytes:
        vote = (self.vote or "").encode()
        head = _TERM.pack(TERM_MAGIC, FORMAT, 0, self.cluster_id, self.generation, self.term, len(vote), vote)
        return head + _CHECKSUM.pack(zlib.crc32(head))


def parse_term(path: Path, data: bytes, cluster_id: bytes) -> TermRecord | None:
    """Return the record, None when its bytes are not whole. Raises JournalDamaged for another cluster or format."""
    if len(data) != TERM_BYTES or zlib.crc32(data[: _TERM.size]) != _CHECKSUM.unpack_from(data, _TERM.size)[0]:
        return None
    magic, form, _, cluster, generation, term, length, vote = _TERM.unpack_from(data)
    _expect(path, magic == TERM_MAGIC, "not a term record")
    if form != FORMAT:
        raise JournalForeign(path, 0, f"expected format {FORMAT}, found {form}")
    if cluster != cluster_id:
        raise JournalForeign(path, 0, f"expected cluster {cluster_id.hex()}, found {cluster.hex()}")
    return TermRecord(cluster, generation, term, vote[:length].decode() or None)


def parse_header(path: Path, data: bytes, cluster_id: bytes) -> SegmentHeader:
    """Return the header of a segment. Raises JournalDamaged."""
    _expect(path, len(data) >= SEGMENT_HEADER_BYTES, f"a segment header has {SEGMENT_HEADER_BYTES} bytes")
    checksum = _CHECKSUM.unpack_from(data, _SEGMENT.size)[0]
    _expect(path, zlib.crc32(data[: _SEGMENT.size]) == checksum, "the segment header's checksum does not match")
    magic, form, _, cluster, sequence, previous, index, term = _SEGMENT.unpack_from(data)
    _expect(path, magic == SEGMENT_MAGIC, "not a journal segment")
    if form not in (FORMAT, RESET_FORMAT):
        raise JournalForeign(path, 0, f"expected format {FORMAT} or {RESET_FORMAT}, found {form}")
    if cluster != cluster_id:
        raise JournalForeign(path, 0, f"expected cluster {cluster_id.hex()}, found {cluster.hex()}")
    return SegmentHeader(cluster, sequence, previous, index, term, form == RESET_FORMAT)


def _expect(path: Path, is_true: bool, why: str) -> None:
    if not is_true:
        raise JournalDamaged(path, 0, why)


def is_whole_header(data: bytes) -> bool:
    """False: the creation of this segment was cut short, and nothing was ever written behind its header."""
    if len(data) > SEGMENT_HEADER_BYTES:
        return True
    return (
        len(data) == SEGMENT_HEADER_BYTES
        and zlib.crc32(data[: _SEGMENT.size]) == _CHECKSUM.unpack_from(data, _SEGMENT.size)[0]
    )


def is_reset(data: bytes) -> bool:
    """True when a segment that begins with these bytes voids all before it."""
    head = data[:SEGMENT_HEADER_BYTES]
    return is_whole_header(head) and _SEGMENT.unpack_from(head)[:2] == (SEGMENT_MAGIC, RESET_FORMAT)


def seed_of(header: SegmentHeader) -> int:
    return int(_CHECKSUM.unpack_from(header.pack(), _SEGMENT.size)[0])


def pack_entry(entry: Entry) -> bytes:
    return _RECORD.pack(ENTRY, len(entry[0]), entry[1], entry[2]) + entry[0]


def pack_truncate(index: int) -> bytes:
    """From `index` on, inclusive, earlier entries are void."""
    return _RECORD.pack(TRUNCATE, 0, index, 0)


def pack_batch(body: bytes, synced_end: int, seed: int) -> bytes:
    head = _BATCH.pack(BATCH_MAGIC, len(body), zlib.crc32(body), synced_end)
    return b"".join((head, _CHECKSUM.pack(zlib.crc32(head, seed)), body))


def batch_at(data: bytes, offset: int, seed: int) -> tuple[int, int] | None:
    """Return (body length, body checksum) of the batch header at `offset`, None when there is no whole, true one."""
    if offset + BATCH_HEADER_BYTES > len(data):
        return None
    checksum = _CHECKSUM.unpack_from(data, offset + _BATCH.size)[0]
    if zlib.crc32(data[offset : offset + _BATCH.size], seed) != checksum:
        return None
    magic, length, body_checksum, synced_end = _BATCH.unpack_from(data, offset)
    if magic != BATCH_MAGIC or synced_end != offset:
        return None
    return length, body_checksum


def split_batches(path: Path, data: bytes, seed: int, is_last: bool) -> tuple[list[bytes], int]:
    """Return the bodies of a segment's batches and the offset where the whole ones end.

    Raises JournalDamaged unless what follows that offset can only be a write that was never synced.
    """
    bodies: list[bytes] = []
    offset = SEGMENT_HEADER_BYTES
    while offset < len(data):
        head = batch_at(data, offset, seed)
        stop = offset + BATCH_HEADER_BYTES + head[0] if head else len(data)
        body = data[offset + BATCH_HEADER_BYTES : stop]
        if head is not None and len(body) == head[0] and zlib.crc32(body) == head[1]:
            bodies.append(body)
            offset = stop
            continue
        _refuse_damage(path, data, seed, offset, stop, is_last)
        break
    return bodies, offset


def _refuse_damage(path: Path, data: bytes, seed: int, offset: int, stop: int, is_last: bool) -> None:
    """Return when the batch at `offset` may be cut as an unsynced tail."""
    if not is_last:
        raise JournalDamaged(path, offset, "a sealed segment holds a batch that is not whole")
    if stop < len(data):
        raise JournalDamaged(path, offset, "a batch is not whole, and bytes after it prove that it was synced")
    later = data.find(BATCH_MAGIC, offset + 1)
    while later != -1:
        if batch_at(data, later, seed) is not None:
            raise JournalDamaged(
                path, offset, f"a batch is not whole, and the batch at byte {later} proves it was synced"
            )
        later = data.find(BATCH_MAGIC, later + 1)


def records(path: Path, body: bytes) -> Iterator[tuple[int, Entry]]:
    """Yield (kind, entry) of a batch whose checksum was verified. Raises JournalDamaged when it makes no sense."""
    offset = 0
    while offset < len(body):
        if offset + _RECORD.size > len(body):
            raise JournalDamaged(path, offset, "a record's header ends beyond its batch")
        kind, length, index, term = _RECORD.unpack_from(body, offset)
        offset += _RECORD.size
        if kind not in (ENTRY, TRUNCATE) or offset + length > len(body):
            raise JournalDamaged(path, offset, f"a record of kind {kind} and {length} bytes")
        yield kind, (body[offset : offset + length], index, term)
        offset += length
