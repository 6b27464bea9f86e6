"""Whether RocksDB may read its MANIFEST.        Floor: driver. Called by: store.

Law: a kind of record that RocksDB never writes there is damage. rocksdict 0.3.29 loops for ever when a bit makes a
record look like one of a recycled log (kinds 5 to 8); every other damage it finds itself, by checksums.
Source: RocksDB wiki, "Write Ahead Log File Format": blocks of 32 KiB; record = checksum, length, kind, data.
"""

import struct
from pathlib import Path
from typing import Final

from mys3d import limits
from mys3d.consensus.store_faults import StoreDamaged, fault_of

_BLOCK: Final = 32 * limits.KIB
_HEAD: Final = struct.Struct("<IHB")  # masked CRC-32C, length, kind
_KINDS: Final = (1, 2, 3, 4)  # full, first, middle, last


def refuse_strange_records(path: Path) -> None:
    """Raise StoreDamaged when the MANIFEST of the store at `path` has records of another kind. No store: nothing."""
    try:
        data = _manifest(path)
    except OSError as error:
        raise fault_of(error, path) from error
    place = 0
    while place + _HEAD.size <= len(data):
        left = _BLOCK - place % _BLOCK
        if left < _HEAD.size:
            place += left
            continue
        checksum, length, kind = _HEAD.unpack_from(data, place)
        if (checksum, length, kind) == (0, 0, 0):
            return  # the tail of a file that was made longer before a power cut
        if kind not in _KINDS:
            found = f"its MANIFEST has a record of kind {kind} at {place}"
            raise StoreDamaged(f"the registry in {path} is damaged: {found}")
        place += _HEAD.size + length


def _manifest(path: Path) -> bytes:
    """The bytes of the MANIFEST in force; nothing when there is no store yet. Raises StoreDamaged, OSError."""
    current = path / "CURRENT"
    if not current.exists():
        return b""
    manifest = path / current.read_bytes().decode("latin-1").rstrip("\n")
    if manifest.parent != path or not manifest.name.startswith("MANIFEST-") or not manifest.is_file():
        raise StoreDamaged(f"the registry in {path} is damaged: {current.name} names no MANIFEST")
    return manifest.read_bytes()
