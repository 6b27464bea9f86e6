"""Read blobs and prove them.        Floor: blobs (driver). Called by: blobs.store.

Law: no byte leaves this room before the header that names it and every 64 KiB stretch that was touched were verified.
Only the stretches asked for are read.
"""

import errno
import os
from typing import Final

from blake3 import blake3

from mys3d import limits
from mys3d.blobs import record
from mys3d.blobs.directory import Directory
from mys3d.blobs.index import Place
from mys3d.blobs.volume import Volume
from mys3d.errors import Damaged
from mys3d.model.digest import Digest

_NOWAIT: Final = getattr(os, "RWF_NOWAIT", 0)  # 0: not this system, every read takes a thread
_STRETCH: Final = limits.sub_digest_bytes


class Reader:
    """Reads of one directory. `nowait` turns False when its file system cannot tell what is cached."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.nowait = _NOWAIT != 0

    def read_cached(self, digest: Digest, place: Place, start: int, stop: int) -> bytes | None:
        """Return verified bytes [start, stop), or None when they are not all in memory. Raises Damaged."""
        return self._read(digest, place, start, stop, _NOWAIT) if self.nowait else None

    def read_waiting(self, digest: Digest, place: Place, start: int, stop: int) -> bytes:
        """Return verified bytes [start, stop); waits for the disk, so it runs in a thread. Raises Damaged.

        Damage is believed when it was read twice: a bit may have flipped in memory, and this copy be the last one.
        """
        try:
            data = self._read(digest, place, start, stop, 0)
        except Damaged:
            self._forget_cached(place)
            data = self._read(digest, place, start, stop, 0)
        assert data is not None, "a waiting read ends with data or an error"
        return data

    def _forget_cached(self, place: Place) -> None:
        """Have the next read of a record come from the disk, where the system can do that."""
        volume = self._directory.pin(place.volume)
        if volume is None:
            return
        try:
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(volume.fd, place.offset, record.record_bytes(place.length), os.POSIX_FADV_DONTNEED)
        finally:
            self._directory.unpin(volume)

    def _read(self, digest: Digest, place: Place, start: int, stop: int, flags: int) -> bytes | None:
        assert 0 <= start <= stop <= place.length
        volume = self._directory.pin(place.volume)
        if volume is None:
            raise Damaged(digest, found=f"volume {place.volume} is missing")
        try:
            return self._read_of(volume, digest, place, start, stop, flags)
        finally:
            self._directory.unpin(volume)

    def _read_of(self, volume: Volume, digest: Digest, place: Place, start: int, stop: int, flags: int) -> bytes | None:
        head = record.header_bytes(place.length)
        first = start - start % _STRETCH
        last = min(-(-stop // _STRETCH) * _STRETCH, place.length)
        if first == 0:  # header and data lie side by side
            together = memoryview(bytearray(head + last))
            if not self._fill(volume, digest, together, place.offset, flags):
                return None
            header, data = together[:head], together[head:]
        else:
            header, data = memoryview(bytearray(head)), memoryview(bytearray(last - first))
            if not self._fill(volume, digest, header, place.offset, flags):
                return None
            if not self._fill(volume, digest, data, place.offset + head + first, flags):
                return None
        _verify(volume, digest, place, header, data, first // _STRETCH)
        return bytes(data[start - first : stop - first])

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


def _verify(volume: Volume, digest: Digest, place: Place, header: memoryview, data: memoryview, stretch: int) -> None:
    try:
        found = record.parse_header(header, place.offset, volume.header.record_key)
    except record.Malformed as error:
        raise Damaged(digest, found=str(error)) from error
    if found.digest != digest or found.length != place.length or found.flags != record.BLOB:
        raise Damaged(digest, found=f"the record of {found.digest.hex()}, {found.length} bytes")
    for at in range(0, len(data), _STRETCH):
        if blake3(data[at : at + _STRETCH]).digest() != found.stretch_digest(stretch + at // _STRETCH):
            raise Damaged(digest, found=f"wrong bytes in [{at}, {at + _STRETCH}) of stretch {stretch}")
