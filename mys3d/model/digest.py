"""The name of a blob.        Floor: model (pure). Called by: engine, blobs, peers, registry.

Law: a blob's name is the BLAKE3 digest of its bytes, so equal bytes have one name and a wrong byte is visible.
Source: BLAKE3 paper, 2020; 256-bit output.
"""

from typing import Final, NewType

from blake3 import blake3

from mys3d.model.names import Partition

Digest = NewType("Digest", bytes)  # 32 bytes

DIGEST_BYTES: Final = 32


def digest_of(data: bytes | bytearray | memoryview) -> Digest:
    return Digest(blake3(data).digest())


def parse_digest(data: bytes) -> Digest:
    """Return `data` as a digest. Raises ValueError unless it has 32 bytes."""
    if len(data) != DIGEST_BYTES:
        raise ValueError(f"a digest has 32 bytes, found {len(data)}")
    return Digest(data)


def partition_of(digest: Digest) -> Partition:
    """The first ten bits: 1,024 partitions, ordered as digests are."""
    return Partition(digest[0] << 2 | digest[1] >> 6)
