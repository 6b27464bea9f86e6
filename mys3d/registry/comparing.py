"""One name for a stretch of all rows.        Floor: registry (pure). Called by: consensus.

Law: two nodes that applied the same entries give a stretch the same name: nothing of one node alone is among the rows.
A walk from stretch to stretch sees every row of every table, in bounded steps.
"""

from typing import Final, NamedTuple

from blake3 import blake3

from mys3d.registry.transaction import Reader

_LAST: Final = b"\xff"  # behind every table: tables are letters
_PIECE: Final = 1_000  # rows hashed at once


class Stretch(NamedTuple):
    """What lies from some key on."""

    digest: bytes
    rows_count: int
    next_start: bytes  # where the next stretch begins; empty: this was the last one


def digest_rows(reader: Reader, start: bytes, rows_max: int) -> Stretch:
    """Name at most `rows_max` rows from `start` on. Reads one row more."""
    found, piece, count = blake3(), list[bytes](), 0
    for key, row in reader.scan(start, _LAST):
        if count == rows_max:
            found.update(b"".join(piece))
            return Stretch(found.digest(), count, key)
        piece += (len(key).to_bytes(4, "big"), key, len(row).to_bytes(4, "big"), row)
        count += 1
        if count % _PIECE == 0:
            found.update(b"".join(piece))
            piece.clear()
    found.update(b"".join(piece))
    return Stretch(found.digest(), count, b"")
