"""The body of a request as its operation reads it.        Floor: operations. Called by: dispatch, operations.

Law: an operation sees object bytes only: framing is undone here, chunk signatures are checked here, and no more bytes
pass than the request promised.
"""

from typing import Final

import trio

from mys3d import limits
from mys3d.engine.hashing import BodyHashes
from mys3d.engine.intake import KnownSource
from mys3d.errors import S3Error
from mys3d.s3 import promises, schema, xml
from mys3d.s3.chunked import ChunkedDecoder, ChunkSigner
from mys3d.s3.message import BodySource, KnownBody
from mys3d.s3.promises import Promises

_PARSE_INLINE_BYTES_MAX: Final = 256 * limits.KIB  # a longer document is parsed in a thread


class Payload(KnownSource):
    """The bytes inside a body, pulled on demand. Given to the engine as the source of a PUT."""

    def __init__(self, body: BodySource, promised: Promises, signer: ChunkSigner | None = None) -> None:
        self.promised: Final = promised
        self._body: Final = body
        self._known: Final = body if isinstance(body, KnownBody) else None
        self._decoder: Final = ChunkedDecoder(promised.trailers, signer) if promised.framing.is_chunked else None
        self._ready: list[bytes] = []  # decoded pieces not handed on yet, last first
        self._left = promised.length  # None: no length was promised
        self._seen = 0  # bytes, while none was promised

    @property
    def trailers(self) -> dict[str, str]:
        return {} if self._decoder is None else self._decoder.trailers

    async def read(self) -> bytes:
        """Return the next object bytes, or b"" at the end. Raises S3Error."""
        piece = await self._body.read() if self._decoder is None else await self._decoded(self._decoder)
        if self._left is None:
            return self._counted(piece)
        self._left -= len(piece)
        if self._left < 0:
            raise S3Error("IncompleteBody", "The body is longer than the request promised.")
        if not piece and self._left > 0:
            raise self._ended_early()
        return piece

    @property
    def expected(self) -> int:
        """How many object bytes are still to come, when `read_into` may be used; 0: it may not."""
        return self._left or 0 if self._known is not None else 0

    async def read_into(self, room: memoryview) -> int:
        """Put the next object bytes into `room`, at least one; there have to be so many. Raises S3Error."""
        assert self._known is not None and self._left is not None, "the length of the body is not known"
        count = len(room)
        if self._decoder is None:
            await self._known.fill(room)
        else:
            count = await self._decode_into(self._decoder, self._known, room)
        self._left -= count
        return count

    async def _decode_into(self, decoder: ChunkedDecoder, known: KnownBody, room: memoryview) -> int:
        """Within a long chunk nothing has to be looked for: its bytes need not be copied out of what frames them."""
        certain = min(decoder.data_left, known.left)  # a chunk may promise more than the body has left
        if not self._ready and certain >= limits.receive_bytes:
            room = room[:certain]
            await known.fill(room)
            decoder.skip(room)
            return len(room)
        piece = await self._decoded(decoder)
        if not piece:
            raise self._ended_early()
        count = min(len(piece), len(room))
        room[:count] = piece[:count]
        if count < len(piece):
            self._ready.append(piece[count:])
        return count

    def _ended_early(self) -> S3Error:
        return S3Error("IncompleteBody", f"The body ended {self._left} bytes before its promised length.")

    def _counted(self, piece: bytes) -> bytes:
        """A body without a promised length is bounded all the same."""
        self._seen += len(piece)
        if self._seen > limits.put_bytes_max:
            raise S3Error("EntityTooLarge", MaxSizeAllowed=str(limits.put_bytes_max))
        return piece

    async def _decoded(self, decoder: ChunkedDecoder) -> bytes:
        while not self._ready:
            framed = await self._body.read()
            if not framed:
                decoder.finish()
                return b""
            self._ready = decoder.feed(framed)[::-1]
        return self._ready.pop()


async def read_document(payload: Payload, root: str, record: type[object], bytes_max: int) -> object | None:
    """Read an XML body into its record, or None when the body is empty. Raises S3Error."""
    promised = payload.promised
    if promised.length is not None and promised.length > bytes_max:
        raise S3Error("MaxMessageLengthExceeded", MaxMessageLengthBytes=str(bytes_max))
    pieces: list[bytes] = []
    size = 0
    while piece := await payload.read():
        pieces.append(piece)
        size += len(piece)
        if size > bytes_max:
            raise S3Error("MaxMessageLengthExceeded", MaxMessageLengthBytes=str(bytes_max))
    hashes = BodyHashes(promised.wanted())
    await hashes.update(pieces, size)
    promises.check(promised, payload.trailers, size, hashes.md5(), hashes.wanted())
    document = b"".join(pieces)
    if not document:
        return None
    if size <= _PARSE_INLINE_BYTES_MAX:
        return _parse(record, document, root)
    return await trio.to_thread.run_sync(_parse, record, document, root)


def _parse(record: type[object], document: bytes, root: str) -> object:
    return schema.read(record, xml.parse(document, root))
