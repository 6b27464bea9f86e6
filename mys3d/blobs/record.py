"""The bytes of a volume: its header and the headers of its records.        Floor: blobs (pure part).

Law: a record is valid at its own place only: the header checksum is keyed by a secret of the volume and covers the
record's offset, so that neither a misdirected write nor a client who uploads something that looks like a record is
ever taken for one. Layout and reasons: docs/formats/volumes.md.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from blake3 import blake3

from mys3d import limits
from mys3d.model.digest import DIGEST_BYTES, Digest
from mys3d.ports import Buffer

ALIGNMENT: Final = 16  # every record starts at a multiple of this
MAGIC: Final = b"MYSR"
RECORD_VERSION: Final = 1
BLOB: Final = 0  # flags of a record that holds a blob; other flags are for later kinds, and are skipped today
FIXED_BYTES: Final = 64
CHECKSUM_BYTES: Final = 16
_PAGE: Final = 4096  # holes are made of these on every file system in use
HEADER_BYTES_MIN: Final = FIXED_BYTES + CHECKSUM_BYTES
HEADER_BYTES_MAX: Final = (
    FIXED_BYTES + DIGEST_BYTES * (limits.blob_bytes_max // limits.sub_digest_bytes) + CHECKSUM_BYTES
)
_FIXED: Final = struct.Struct("<4sBBHIIQQ32s")  # magic, version, flags, 0, length, 0, offset, synced end, digest

VOLUME_MAGIC: Final = b"MYS3DVOL"
VOLUME_FORMAT: Final = 1
VOLUME_HEADER_BYTES: Final = 128
VOLUME_HEADER_OFFSETS: Final = (0, 2048)  # written twice, in two sectors: one rotten bit must not cost a volume
RECORDS_START: Final = 4096
_VOLUME: Final = struct.Struct("<8sII16s16s32s16s")  # magic, format, number, cluster, directory, record key, 0

assert _FIXED.size == FIXED_BYTES
assert _VOLUME.size == VOLUME_HEADER_BYTES - DIGEST_BYTES
assert HEADER_BYTES_MIN % ALIGNMENT == 0
assert RECORDS_START % ALIGNMENT == 0


class Malformed(ValueError):
    """These bytes are not the header they should be. The text says what was found."""


@dataclass(frozen=True, slots=True)
class VolumeHeader:
    """Whose volume this is, and the secret of its record headers."""

    number: int
    cluster_id: bytes  # 16 bytes
    directory_id: bytes  # 16 bytes
    record_key: bytes  # 32 random bytes


class RecordHeader(msgspec.Struct, frozen=True):
    """What is said of one record. `synced_end`: the volume was durable up to there when the record was written."""

    digest: Digest
    length: int
    flags: int
    offset: int
    synced_end: int
    sub_digests: tuple[bytes, ...]  # of each 64 KiB stretch; empty when the blob is one stretch, named by its digest

    def stretch_digest(self, stretch: int) -> bytes:
        return self.sub_digests[stretch] if self.sub_digests else self.digest


def header_bytes(length: int) -> int:
    """Size of the header of a blob of `length` bytes."""
    stretches = -(-length // limits.sub_digest_bytes)
    return HEADER_BYTES_MIN + (DIGEST_BYTES * stretches if stretches > 1 else 0)


def record_bytes(length: int) -> int:
    """Size of a whole record: header, data, and zeros up to the next record."""
    return -(-(header_bytes(length) + length) // ALIGNMENT) * ALIGNMENT


def punched_range(offset: int, length: int) -> tuple[int, int]:
    """The whole pages within the data of the record at `offset`: what is punched out of a dead one; maybe none."""
    start = offset + header_bytes(length)
    return -(-start // _PAGE) * _PAGE, (start + length) // _PAGE * _PAGE


def encode_header(header: RecordHeader, record_key: bytes) -> bytes:
    fixed = _FIXED.pack(
        MAGIC, RECORD_VERSION, header.flags, 0, header.length, 0, header.offset, header.synced_end, header.digest
    )
    body = b"".join((fixed, *header.sub_digests))
    encoded = body + _checksum(body, record_key)
    assert len(encoded) == header_bytes(header.length)
    return encoded


def parse_header(data: bytes | bytearray | memoryview, offset: int, record_key: bytes) -> RecordHeader:
    """Return the header that starts `data`, read at `offset`. Raises Malformed unless every byte of it is right."""
    if len(data) < HEADER_BYTES_MIN:
        raise Malformed(f"a record header has at least {HEADER_BYTES_MIN} bytes, found {len(data)}")
    magic, version, flags, zero, length, zeros, place, synced_end, digest = _FIXED.unpack_from(data)
    if magic != MAGIC or version != RECORD_VERSION or zero or zeros:
        raise Malformed(f"no record at {offset}")
    if place != offset or length > limits.blob_bytes_max or (flags == BLOB and length == 0):
        raise Malformed(f"the record at {offset} says offset {place}, length {length}")
    size = header_bytes(length)
    if len(data) < size:
        raise Malformed(f"the header at {offset} has {size} bytes, found {len(data)}")
    view = memoryview(data)
    stop = size - CHECKSUM_BYTES
    if _checksum(view[:stop], record_key) != view[stop:size]:
        raise Malformed(f"the checksum of the header at {offset} is wrong")
    subs = tuple(bytes(view[at : at + DIGEST_BYTES]) for at in range(FIXED_BYTES, stop, DIGEST_BYTES))
    return RecordHeader(Digest(digest), length, flags, offset, synced_end, subs)


def sub_digests(data: Sequence[Buffer], length: int) -> tuple[bytes, ...]:
    """Return the digests of the 64 KiB stretches of a blob given in pieces; empty for a single stretch."""
    if length <= limits.sub_digest_bytes:
        return ()
    if len(data) == 1:
        whole = memoryview(data[0]).cast("B")
        starts = range(0, length, limits.sub_digest_bytes)
        return tuple([blake3(whole[start : start + limits.sub_digest_bytes]).digest() for start in starts])
    digests: list[bytes] = []
    hasher, room = blake3(), limits.sub_digest_bytes
    for piece in data:
        view = memoryview(piece).cast("B")
        while view:
            hasher.update(view[:room])
            taken = min(room, len(view))
            view, room = view[taken:], room - taken
            if room == 0:
                digests.append(hasher.digest())
                hasher, room = blake3(), limits.sub_digest_bytes
    if room != limits.sub_digest_bytes:
        digests.append(hasher.digest())
    return tuple(digests)


def encode_volume_header(header: VolumeHeader) -> bytes:
    """Return the whole first page of a volume."""
    fixed = _VOLUME.pack(
        VOLUME_MAGIC,
        VOLUME_FORMAT,
        header.number,
        header.cluster_id,
        header.directory_id,
        header.record_key,
        bytes(16),
    )
    copy = fixed + blake3(fixed).digest()
    page = bytearray(RECORDS_START)
    for offset in VOLUME_HEADER_OFFSETS:
        page[offset : offset + len(copy)] = copy
    return bytes(page)


def parse_volume_header(page: bytes) -> VolumeHeader:
    """Return the header from the first page of a volume. Raises Malformed when neither copy is right."""
    for offset in VOLUME_HEADER_OFFSETS:
        copy = page[offset : offset + VOLUME_HEADER_BYTES]
        fixed = copy[: _VOLUME.size]
        if len(copy) < VOLUME_HEADER_BYTES or blake3(fixed).digest() != copy[_VOLUME.size :]:
            continue
        magic, number_of_format, number, cluster, directory, key, _ = _VOLUME.unpack(fixed)
        if magic != VOLUME_MAGIC or number_of_format != VOLUME_FORMAT:
            raise Malformed(f"this program reads volumes of format {VOLUME_FORMAT}, found {number_of_format}")
        return VolumeHeader(number, cluster, directory, key)
    raise Malformed("neither copy of the volume header is right")


def _checksum(body: bytes | memoryview, record_key: bytes) -> bytes:
    return blake3(body, key=record_key).digest(length=CHECKSUM_BYTES)
