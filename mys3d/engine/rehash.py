"""A checksum of bytes that are stored already.        Floor: engine. Called by: operations (CopyObject).

Law: what is hashed was verified by `engine/get` first, every byte once and in order; memory holds some pieces of it.
"""

from mys3d import limits
from mys3d.engine.get import read_body
from mys3d.engine.hashing import BodyHashes
from mys3d.model.body import Body
from mys3d.ports import Buffer, Ports


async def hash_body(ports: Ports, body: Body, size: int, name: str) -> bytes:
    """Return the hash `name` of the `size` bytes of `body`. Raises Unavailable."""
    hashes = BodyHashes(frozenset([name]))
    pieces: list[Buffer] = []
    waiting = 0
    async for piece in read_body(ports, body, 0, size):
        pieces.append(bytes(piece))
        waiting += len(piece)
        if waiting >= limits.hash_batch_bytes:
            await hashes.update(pieces, waiting)
            pieces, waiting = [], 0
    await hashes.update(pieces, waiting)
    return hashes.wanted()[name]
