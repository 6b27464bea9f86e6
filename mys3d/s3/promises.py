"""What a request promises about its body, and whether it was kept.        Floor: s3 (pure). Called by: operations.

Law: every promise (length, SHA-256 of the signature, Content-MD5, checksum header or trailer) is compared after the
last byte and before anything becomes visible.
Source: S3 API, "Authenticating Requests", x-amz-content-sha256; PutObject, Content-MD5 and checksums.
"""

import enum
from collections.abc import Container, Mapping
from typing import Final

import msgspec

from mys3d.errors import S3Error
from mys3d.model.objects import Checksum
from mys3d.s3 import checksums


class Framing(enum.StrEnum):
    """How the body is signed and framed, by the value of x-amz-content-sha256."""

    PLAIN = "a SHA-256 in hex"
    UNSIGNED = "UNSIGNED-PAYLOAD"
    UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"

    @property
    def is_chunked(self) -> bool:
        return self in (Framing.UNSIGNED_TRAILER, Framing.SIGNED_CHUNKS, Framing.SIGNED_TRAILER)

    @property
    def has_trailers(self) -> bool:
        return self in (Framing.UNSIGNED_TRAILER, Framing.SIGNED_TRAILER)

    @property
    def signs_chunks(self) -> bool:
        return self in (Framing.SIGNED_CHUNKS, Framing.SIGNED_TRAILER)


_NAMED: Final = {framing.value: framing for framing in Framing if framing is not Framing.PLAIN}
_HEX: Final = frozenset("0123456789abcdef")


class Promises(msgspec.Struct, frozen=True):
    """What the head of a request says of its body. None: says nothing."""

    framing: Framing
    length: int | None  # of the object, without any framing
    sha256: bytes | None
    md5: bytes | None
    checksum: checksums.Expected | None
    trailers: frozenset[str]
    is_streamed: bool = False  # True: the length is told by its end alone (Transfer-Encoding: chunked)

    def wanted(self, default: str = "") -> frozenset[str]:
        """The hashes to compute while the body arrives. `default`: the one to keep when no checksum is promised."""
        chosen = self.checksum.algorithm.hash if self.checksum is not None else default
        return frozenset(name for name in (chosen, "sha256" if self.sha256 is not None else "") if name)


NOTHING: Final = Promises(Framing.UNSIGNED, None, None, None, None, frozenset())


def framing_of(content_sha256: str) -> Framing:
    """Raises S3Error: NotImplemented (a streaming form that is not built), InvalidArgument."""
    if len(content_sha256) == 64 and _HEX.issuperset(content_sha256):
        return Framing.PLAIN
    named = _NAMED.get(content_sha256)
    if named is not None:
        return named
    if content_sha256.startswith("STREAMING-"):
        raise S3Error("NotImplemented", f"The payload form {content_sha256} is not implemented.")
    raise S3Error(
        "InvalidArgument",
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
        ArgumentName="x-amz-content-sha256",
        ArgumentValue=content_sha256,
    )


def read(headers: Mapping[str, str], own: Container[str] = frozenset()) -> Promises:
    """Gather the promises of a request whose head is authentic. Raises S3Error.

    The headers `own` say something else to the operation: the checksums of CompleteMultipartUpload are of the object.
    """
    content_sha256 = headers.get("x-amz-content-sha256", Framing.UNSIGNED.value)
    framing = framing_of(content_sha256)
    trailers = _trailers(headers) if framing.has_trailers else frozenset()
    md5 = headers.get("content-md5")
    return Promises(
        framing=framing,
        length=_length(headers, framing),
        sha256=bytes.fromhex(content_sha256) if framing is Framing.PLAIN else None,
        md5=None if md5 is None else checksums.decode_md5(md5),
        checksum=checksums.expected({name: text for name, text in headers.items() if name not in own}, trailers),
        trailers=trailers,
        is_streamed="transfer-encoding" in headers and not framing.is_chunked,
    )


def check(
    promises: Promises, trailers: Mapping[str, str], size: int, md5: bytes, hashes: Mapping[str, bytes]
) -> Checksum | None:
    """Compare what arrived with what was promised; return the checksum to keep. Raises S3Error."""
    if promises.length is not None and size != promises.length:
        raise S3Error("IncompleteBody", f"The request promised {promises.length} bytes and brought {size}.")
    if promises.sha256 is not None and hashes["sha256"] != promises.sha256:
        raise S3Error(
            "XAmzContentSHA256Mismatch",
            ClientComputedContentSHA256=promises.sha256.hex(),
            S3ComputedContentSHA256=hashes["sha256"].hex(),
        )
    if promises.md5 is not None:
        checksums.verify("Content-MD5", promises.md5, md5)
    return _checksum(promises, trailers, hashes)


def _checksum(promises: Promises, trailers: Mapping[str, str], hashes: Mapping[str, bytes]) -> Checksum | None:
    if promises.checksum is None:
        kept = hashes.get(checksums.DEFAULT.hash)
        return None if kept is None else Checksum(checksums.DEFAULT.name, kept)
    algorithm = promises.checksum.algorithm
    found = hashes[algorithm.hash]
    value = promises.checksum.value
    if value is None and algorithm.header in trailers:
        value = checksums.decode(algorithm.header, trailers[algorithm.header])
    if value is not None:
        checksums.verify(algorithm.name, value, found)
    return Checksum(algorithm.name, found)


def _trailers(headers: Mapping[str, str]) -> frozenset[str]:
    names = headers.get("x-amz-trailer", "").lower().split(",")
    return frozenset(name.strip() for name in names if name.strip())


def _length(headers: Mapping[str, str], framing: Framing) -> int | None:
    name = "x-amz-decoded-content-length" if framing.is_chunked else "content-length"
    text = headers.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise S3Error("InvalidArgument", f"{name} is not a number", ArgumentName=name, ArgumentValue=text)
    return int(text)
