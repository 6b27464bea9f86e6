"""Read blobs and prove them.        Floor: blobs (driver). Called by: blobs.store.

Law: no byte leaves this room before the header that names it and every 64 KiB stretch that was touched were verified.
Only the stretches asked for are read.
"""

import errno
import os
from collections.abc import Callable
from typing import Final

from blake3 import blake3

from mys3d import limits
from mys3d.blobs import record
from mys3d.blobs.directory import Directory
from mys3d.blobs.index import Place
from mys3d.blobs.record import RecordHeader
from mys3d.blobs.volume import Volume
from mys3d.buffers import Buffers
from mys3d.errors import Damaged
from mys3d.model.digest import Digest
from mys3d.ports import Bytes

_NOWAIT: Final = getattr(os, "RWF_NOWAIT", 0)  # 0: not this system, every read takes a thread
_STRETCH: Final = limits.sub_digest_bytes
# Room of any piece, which need not begin with a stretch, and of its header.
_ROOM_BYTES: Final = limits.read_piece_bytes_max + 2 * _STRETCH + record.HEADER_BYTES_MAX


class Reader:
    """Reads of one directory. `nowait` turns False when its file system cannot tell what is cached."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.nowait = _NOWAIT != 0
        self._buffers: Final = Buffers(limits.read_buffers_kept_max, _STRETCH + 1, _ROOM_BYTES)
        self._headers: Final[dict[tuple[bytes, int], RecordHeader]] = {}  # by record key and offset, oldest first

    def read_cached(self, digest: Digest, place: Place, start: int, stop: int) -> Bytes | None:
        """Return verified bytes [start, stop), or None when they are not all in memory. On the loop. Raises Damaged.

        The header of a blob that is read piece by piece is read and verified with its first piece, and remembered.
        """
        if not self.nowait:
            return None
        volume = self._pin(digest, place)
        try:
            name = (volume.header.record_key, place.offset)
            piece = _Piece(volume, digest, place, start, stop, self._headers.get(name), self._buffers.take)
            if not self._read(piece, _NOWAIT):
                return None
            data = piece.verified()
            self._remember(name, piece.header if stop < place.length else None)
            return data
        finally:
            self._directory.unpin(volume)

    def read_waiting(self, digest: Digest, place: Place, start: int, stop: int) -> Bytes:
        """Return verified bytes [start, stop); waits for the disk, so it runs in a thread. Raises Damaged.

        Damage is believed when it was read twice: a bit may have flipped in memory, and this copy be the last one.
        """
        volume = self._pin(digest, place)
        try:
            return self._read_anew(volume, digest, place, start, stop)
        except Damaged:
            _forget_cached(volume, place)
            return self._read_anew(volume, digest, place, start, stop)
        finally:
            self._directory.unpin(volume)

    def _read_anew(self, volume: Volume, digest: Digest, place: Place, start: int, stop: int) -> Bytes:
        piece = _Piece(volume, digest, place, start, stop, None, _new_room)
        is_read = self._read(piece, 0)
        assert is_read, "a waiting read ends with data or an error"
        return piece.verified()

    def _pin(self, digest: Digest, place: Place) -> Volume:
        volume = self._directory.pin(place.volume)
        if volume is None:
            raise Damaged(digest, found=f"volume {place.volume} is missing")
        return volume

    def _remember(self, name: tuple[bytes, int], header: RecordHeader | None) -> None:
        """Keep the header for the next piece; None: that was the last one."""
        if header is None:
            self._headers.pop(name, None)
            return
        if len(self._headers) >= limits.headers_kept_max and name not in self._headers:
            del self._headers[next(iter(self._headers))]
        self._headers[name] = header

    def _read(self, piece: "_Piece", flags: int) -> bool:
        return all(self._fill(piece.volume, piece.digest, room, at, flags) for room, at in piece.rooms)

    def _fill(self, volume: Volume, digest: Digest, buffer: memoryview, offset: int, flags: int) -> bool:
        """Read the whole buffer. False: it is not all in memory, or this file system cannot tell."""
        filled = 0
        try:
            while filled < len(buffer):
                count = os.preadv(volume.fd, [buffer[filled:]], offset + filled, flags)
                filled += count
                if filled < len(buffer) and flags:
                    return False
                if count == 0:
                    raise Damaged(digest, found=f"volume {volume.header.number} ends at {offset + filled}")
        except OSError as error:
            return self._refused(digest, error, flags)
        return True

    def _refused(self, digest: Digest, error: OSError, flags: int) -> bool:
        if flags and error.errno == errno.EAGAIN:
            return False
        if flags and error.errno in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            self.nowait = False
            return False
        self._directory.take_offline(f"reading blob {digest.hex()}: {error}")
        raise Damaged(digest, found=str(error)) from error


class _Piece:
    """Bytes of one record to read and prove: which, into what room. `header` None: it is read with them."""

    __slots__ = ("_data", "_first", "_head", "_place", "_range", "digest", "header", "rooms", "volume")

    def __init__(
        self,
        volume: Volume,
        digest: Digest,
        place: Place,
        start: int,
        stop: int,
        header: RecordHeader | None,
        room_for: Callable[[int], memoryview],
    ) -> None:
        assert 0 <= start <= stop <= place.length
        self.volume, self.digest = volume, digest
        self.header = header if header is None or header.digest == digest else None
        self._place = place
        self._range = (start, stop)
        self._first = start - start % _STRETCH
        last = min(-(-stop // _STRETCH) * _STRETCH, place.length)
        head = record.header_bytes(place.length)
        before = head if self.header is None and self._first == 0 else 0  # header and data lie side by side
        whole = room_for(before + last - self._first)
        self._head = whole[:before]
        self._data = whole[before:]
        self.rooms = [(whole, place.offset + head + self._first - before)]  # what to fill, from where
        if self.header is None and not before:
            self._head = memoryview(bytearray(head))
            self.rooms.insert(0, (self._head, place.offset))

    def verified(self) -> Bytes:
        """The bytes, once all rooms were filled: a small piece on its own, a large one as a view. Raises Damaged."""
        header = self.header = self.header or self._parsed()
        stretch = self._first // _STRETCH
        for at in range(0, len(self._data), _STRETCH):
            if blake3(self._data[at : at + _STRETCH]).digest() != header.stretch_digest(stretch + at // _STRETCH):
                raise Damaged(self.digest, found=f"wrong bytes in [{at}, {at + _STRETCH}) of stretch {stretch}")
        start, stop = self._range
        asked = self._data[start - self._first : stop - self._first]
        return asked.toreadonly() if len(asked) > _STRETCH else bytes(asked)

    def _parsed(self) -> RecordHeader:
        digest, place = self.digest, self._place
        try:
            found = record.parse_header(self._head, place.offset, self.volume.header.record_key)
        except record.Malformed as error:
            raise Damaged(digest, found=str(error)) from error
        if found.digest != digest or found.length != place.length or found.flags != record.BLOB:
            raise Damaged(digest, found=f"the record of {found.digest.hex()}, {found.length} bytes")
        return found


def _new_room(size: int) -> memoryview:
    return memoryview(bytearray(size))


def _forget_cached(volume: Volume, place: Place) -> None:
    """Have the next read of a record come from the disk, where the system can do that."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(volume.fd, place.offset, record.record_bytes(place.length), os.POSIX_FADV_DONTNEED)
