"""The note that an install has begun, beside the journal.        Floor: driver. Called by: disk.

`journal/install` says: the registry's generation of this name holds everything up to this entry, and the log begins
behind it. Law: it is on disk before the generation counts, and gone before the log grows again. So at start it tells a
crash inside an install, which is finished, from a journal that lost its end, which is not repaired here.

Layout, format 1, little endian, 96 bytes: magic, format, 0, cluster id, index, term, length of the name, name (47),
checksum.
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mys3d.consensus.segments import JournalDamaged

FILE_NAME: Final = "install"
FORMAT: Final = 1
_MAGIC: Final = b"MYS3INS\n"
_LAYOUT: Final = struct.Struct("<8sHH16sQQB47s")  # and its checksum
_CHECKSUM: Final = struct.Struct("<I")
MARKER_BYTES: Final = _LAYOUT.size + _CHECKSUM.size


@dataclass(frozen=True, slots=True)
class Install:
    """The log begins behind the entry (index, term), once `generation` counts."""

    index: int
    term: int
    generation: str

    def pack(self, cluster_id: bytes) -> bytes:
        name = self.generation.encode()
        assert len(name) <= 47, f"a generation called {self.generation}"
        head = _LAYOUT.pack(_MAGIC, FORMAT, 0, cluster_id, self.index, self.term, len(name), name)
        return head + _CHECKSUM.pack(zlib.crc32(head))


def parse(path: Path, data: bytes, cluster_id: bytes) -> Install | None:
    """None: the note was being written when the node stopped, so nothing relied on it. Raises JournalDamaged."""
    if len(data) != MARKER_BYTES or zlib.crc32(data[: _LAYOUT.size]) != _CHECKSUM.unpack_from(data, _LAYOUT.size)[0]:
        return None
    magic, form, _, cluster, index, term, length, name = _LAYOUT.unpack_from(data)
    if magic != _MAGIC or form != FORMAT or cluster != cluster_id:
        raise JournalDamaged(path, 0, f"not a note of an install in format {FORMAT} of this cluster")
    return Install(index, term, name[:length].decode())
