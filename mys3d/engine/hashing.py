"""Digests of a body while it arrives.        Floor: engine. Called by: engine.put, engine.get, engine.service.

Law: every hash sees every byte once, in order. What takes longer than a thread hop leaves the loop: batches of 1 MiB
share one hop, small bodies are hashed where they are.
"""

import hashlib
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

import trio
from awscrt import checksums
from blake3 import blake3

from mys3d import limits
from mys3d.model.digest import Digest
from mys3d.ports import Buffer

INLINE_BYTES_MAX: Final = 256 * limits.KIB  # MD5 at 551 MB/s: below 0.5 ms on the loop, a hop costs 0.05 ms


class Hash(Protocol):
    """What hashlib's objects offer, and all that is needed of a hash."""

    def update(self, data: Buffer, /) -> object: ...

    def digest(self) -> bytes: ...


class _Crc:
    """A running CRC with the face of a hash. The digest is big-endian, as S3 sends it."""

    def __init__(self, step: Callable[[Buffer, int], int], size: int) -> None:
        self._step: Final = step
        self._size: Final = size
        self._value = 0

    def update(self, data: Buffer, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class _XxHash:
    """An XXHash of awscrt with the face of a hash: it wants plain bytes, and ends once."""

    def __init__(self, make: Callable[[], checksums.XXHash]) -> None:
        self._hash: Final = make()
        self._digest = b""

    def update(self, data: Buffer, /) -> None:
        self._hash.update(bytes(data))

    def digest(self) -> bytes:
        self._digest = self._digest or self._hash.finalize()
        return self._digest


_MAKERS: Final[dict[str, Callable[[], Hash]]] = {
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
    "crc32": lambda: _Crc(zlib.crc32, 4),
    "crc32c": lambda: _Crc(checksums.crc32c, 4),
    "crc64nvme": lambda: _Crc(checksums.crc64nvme, 8),
    "xxhash64": lambda: _XxHash(checksums.XXHash.new_xxhash64),
    "xxhash3": lambda: _XxHash(checksums.XXHash.new_xxhash3_64),
    "xxhash128": lambda: _XxHash(checksums.XXHash.new_xxhash3_128),
}
_MD5: Final = "md5"  # computed of every body, for its entity tag
NAMES: Final = frozenset(_MAKERS) | {_MD5}
_COMBINERS: Final[dict[str, Callable[[int, int, int], int]]] = {
    "crc32": checksums.combine_crc32,
    "crc32c": checksums.combine_crc32c,
    "crc64nvme": checksums.combine_crc64nvme,
}


class BodyHashes:
    """MD5 and the wanted hashes over a whole body, and BLAKE3 over its present blob."""

    def __init__(self, wanted: frozenset[str]) -> None:
        assert wanted <= NAMES, f"unknown hashes: {sorted(wanted - NAMES)}"
        self._md5: Final[Hash] = hashlib.md5(usedforsecurity=False)
        self._wanted: Final = {name: _MAKERS[name]() for name in sorted(wanted - {_MD5})}
        self._wants_md5: Final = _MD5 in wanted
        self._all: Final = (self._md5, *self._wanted.values())
        self._blob: Hash = blake3()

    async def update(self, pieces: Sequence[Buffer], size: int) -> None:
        """Hash the next `size` bytes of the body, on the loop when they are few."""
        if size <= INLINE_BYTES_MAX:
            self._update(pieces)
        else:
            await trio.to_thread.run_sync(self._update, pieces)

    def blob_digest(self) -> Digest:
        """Name the present blob and start the next one."""
        digest = Digest(self._blob.digest())
        self._blob = blake3()
        return digest

    def md5(self) -> bytes:
        return self._md5.digest()

    def wanted(self) -> dict[str, bytes]:
        found = {name: each.digest() for name, each in self._wanted.items()}
        return found | {_MD5: self.md5()} if self._wants_md5 else found

    def _update(self, pieces: Sequence[Buffer]) -> None:
        for piece in pieces:
            self._blob.update(piece)
            for each in self._all:
                each.update(piece)


def hash_of(name: str, data: bytes) -> bytes:
    """Return one hash of a few bytes."""
    if name == _MD5:
        return hashlib.md5(data, usedforsecurity=False).digest()
    made = _MAKERS[name]()
    made.update(data)
    return made.digest()


def combined(name: str, stretches: Sequence[tuple[bytes, int]]) -> bytes:
    """Return the CRC of bytes of which stretches in order have these CRCs and lengths."""
    assert name in _COMBINERS, f"{name} of a whole cannot be told from those of its parts"
    size = len(_MAKERS[name]().digest())
    value = 0
    for crc, length in stretches:
        value = _COMBINERS[name](value, int.from_bytes(crc, "big"), length)
    return value.to_bytes(size, "big")


async def names(digest: Digest, data: Sequence[Buffer]) -> bool:
    """True when `data` in order has this BLAKE3 digest."""
    if sum(map(len, data)) <= limits.hash_batch_bytes:  # 0.15 ms
        return _digest(data) == digest
    return await trio.to_thread.run_sync(_digest, data) == digest


def _digest(data: Sequence[Buffer]) -> bytes:
    blob = blake3()
    for piece in data:
        blob.update(piece)
    return blob.digest()
