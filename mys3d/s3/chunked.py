"""The aws-chunked framing inside a request body.        Floor: s3 (pure). Called by: operations.

Law: fed bytes in any cut, it returns the same data; every promise (chunk signatures, declared trailers, the end of the
stream) is checked before `is_done`, and nothing becomes visible before that.
Source: S3 API, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks" and
"... with trailing headers". The label of a trailer signature is AWS4-HMAC-SHA256-TRAILER (the 63bddb24... example of
the documentation was made with the -PAYLOAD label by mistake).
"""

import enum
import hashlib
import hmac
from typing import Final

from mys3d import limits
from mys3d.errors import S3Error

_EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()
_HEX_DIGITS: Final = frozenset(b"0123456789abcdefABCDEF")


class ChunkSigner:
    """The chain of chunk signatures, started by the signature of the request's head."""

    def __init__(self, key: bytes, timestamp: str, scope: str, seed: str) -> None:
        self._key = key
        self._head = f"{timestamp}\n{scope}\n"
        self._previous = seed

    def check_chunk(self, signature: str, sha256_hex: str) -> None:
        """Raises S3Error SignatureDoesNotMatch."""
        self._check("AWS4-HMAC-SHA256-PAYLOAD", f"{_EMPTY_SHA256}\n{sha256_hex}", signature)

    def check_trailers(self, signature: str, lines: bytes) -> None:
        """`lines` is `name:value\\n` of every trailer in order. Raises S3Error SignatureDoesNotMatch."""
        self._check("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(lines).hexdigest(), signature)

    def _check(self, label: str, rest: str, signature: str) -> None:
        text = f"{label}\n{self._head}{self._previous}\n{rest}"
        expected = hmac.digest(self._key, text.encode(), "sha256").hex()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise S3Error("SignatureDoesNotMatch", "The signature of a chunk does not match.")
        self._previous = expected


class _State(enum.Enum):
    HEADER = enum.auto()  # a line "<hex size>[;chunk-signature=<hex>]"
    DATA = enum.auto()
    DATA_END = enum.auto()  # the line end after the data
    TRAILERS = enum.auto()
    DONE = enum.auto()


class ChunkedDecoder:
    """Undoes aws-chunked. `trailers` names what X-Amz-Trailer declared; `signer` None: chunks are not signed."""

    def __init__(self, trailers: frozenset[str] = frozenset(), signer: ChunkSigner | None = None) -> None:
        self.trailers: dict[str, str] = {}
        self._declared = trailers
        self._signer = signer
        self._state = _State.HEADER
        self._line = bytearray()
        self._left = 0  # bytes of the current chunk still to come
        self._signature = ""
        self._sha256 = hashlib.sha256()
        self._trailer_lines = bytearray()

    @property
    def is_done(self) -> bool:
        return self._state is _State.DONE

    def feed(self, data: bytes) -> list[bytes]:
        """Return the object bytes inside `data`, in order. Raises S3Error."""
        found: list[bytes] = []
        at = 0
        while at < len(data):
            if self._state is _State.DONE:
                raise S3Error("IncompleteBody", "The body goes on after its last chunk.")
            if self._state is _State.DATA:
                piece = data[at : at + self._left]
                at += len(piece)
                self._take(piece)
                found.append(piece)
                continue
            end = data.find(b"\n", at)
            stop = len(data) if end < 0 else end
            self._line += data[at:stop]
            if len(self._line) > limits.chunk_line_bytes_max:
                raise S3Error("IncompleteBody", "A line of the chunk framing is too long.")
            at = stop + 1
            if end >= 0:
                line = bytes(self._line).removesuffix(b"\r")
                self._line.clear()
                self._on_line(line)
        return found

    @property
    def data_left(self) -> int:
        """How many of the next framed bytes are object bytes, for sure."""
        return self._left if self._state is _State.DATA else 0

    def skip(self, data: memoryview) -> None:
        """Take object bytes that were not fed: at most `data_left`."""
        assert len(data) <= self.data_left, f"{len(data)} bytes of a chunk of which {self.data_left} are left"
        self._take(data)

    def finish(self) -> None:
        """Say that the body has ended. Raises S3Error when it ended too early."""
        if self._state is _State.TRAILERS and not self._line:
            self._on_line(b"")  # some clients leave out the empty line after the last chunk
        if self._state is not _State.DONE:
            raise S3Error("IncompleteBody")

    def _take(self, piece: bytes | memoryview) -> None:
        self._left -= len(piece)
        if self._signer is not None:
            self._sha256.update(piece)
        if self._left == 0:
            self._state = _State.DATA_END

    def _on_line(self, line: bytes) -> None:
        match self._state:
            case _State.HEADER:
                self._on_header(line)
            case _State.DATA_END:
                if line:
                    raise S3Error("IncompleteBody", "A chunk is longer than its header says.")
                self._check_chunk()
                self._state = _State.HEADER
            case _:
                self._on_trailer(line)

    def _on_header(self, line: bytes) -> None:
        size, _, extension = line.partition(b";")
        if not 1 <= len(size) <= 16 or not _HEX_DIGITS.issuperset(size):
            raise S3Error("IncompleteBody", "A chunk header has no hexadecimal size.")
        self._left = int(size, 16)
        if self._left > limits.put_bytes_max:
            raise S3Error("EntityTooLarge")
        if self._signer is not None:
            name, _, value = extension.partition(b"=")
            if name != b"chunk-signature":
                raise S3Error("SignatureDoesNotMatch", "A chunk has no signature.")
            self._signature = value.decode("latin-1")
            self._sha256 = hashlib.sha256()
        if self._left > 0:
            self._state = _State.DATA
            return
        self._check_chunk()
        self._state = _State.TRAILERS

    def _check_chunk(self) -> None:
        if self._signer is not None:
            self._signer.check_chunk(self._signature, self._sha256.hexdigest())

    def _on_trailer(self, line: bytes) -> None:
        if not line:
            self._close()
            return
        if len(self.trailers) >= limits.chunk_trailers_max:
            raise S3Error("MalformedTrailerError")
        raw_name, colon, raw_value = line.partition(b":")
        name = raw_name.strip().lower().decode("latin-1")
        if not colon or name in self.trailers:
            raise S3Error("MalformedTrailerError")
        value = raw_value.strip().decode("latin-1")
        self.trailers[name] = value
        if name != "x-amz-trailer-signature":
            if name not in self._declared:
                raise S3Error("MalformedTrailerError", f"The trailer {name} was not declared in X-Amz-Trailer.")
            self._trailer_lines += f"{name}:{value}\n".encode("latin-1")

    def _close(self) -> None:
        missing = self._declared - self.trailers.keys()
        if missing:
            raise S3Error("MalformedTrailerError", f"The declared trailer {min(missing)} is missing.")
        if self._signer is not None and self._declared:
            self._signer.check_trailers(self.trailers.get("x-amz-trailer-signature", ""), bytes(self._trailer_lines))
        self._state = _State.DONE
