"""Checksums as S3 names, sends and compares them.        Floor: s3 (pure). Called by: operations.

Law: a checksum that a client declares, in a header or in a trailer, is compared before anything becomes visible.
Source: S3 User Guide, "Checking object integrity"; the ten algorithms of the 2026 model, five of which we verify.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mys3d.errors import S3Error
from mys3d.model.objects import Checksum

HEADER_PREFIX: Final = "x-amz-checksum-"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One algorithm: its name in XML, its name among our hashes (empty: we cannot compute it), its length in bytes."""

    name: str
    hash: str
    size: int

    @property
    def header(self) -> str:
        return HEADER_PREFIX + self.name.lower()


ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("CRC32", "crc32", 4),
        Algorithm("CRC32C", "crc32c", 4),
        Algorithm("CRC64NVME", "crc64nvme", 8),
        Algorithm("SHA1", "sha1", 20),
        Algorithm("SHA256", "sha256", 32),
        Algorithm("SHA512", "", 64),
        Algorithm("MD5", "", 16),
        Algorithm("XXHASH64", "", 8),
        Algorithm("XXHASH3", "", 8),
        Algorithm("XXHASH128", "", 16),
    )
}
_BY_HEADER: Final = {algorithm.header: algorithm for algorithm in ALGORITHMS.values()}
DEFAULT: Final = ALGORITHMS["CRC64NVME"]  # S3 computes this one when the client declares none


@dataclass(frozen=True, slots=True)
class Expected:
    """What a request promises about its bytes."""

    algorithm: Algorithm
    value: bytes | None  # None: it comes as a trailer, or the client only asked for this algorithm


def algorithm_of(name: str) -> Algorithm:
    """Return the algorithm of that name. Raises S3Error: InvalidRequest (unknown), NotImplemented (no code)."""
    algorithm = ALGORITHMS.get(name.upper())
    if algorithm is None:
        raise S3Error("InvalidRequest", "Checksum algorithm provided is unsupported.")
    if not algorithm.hash:
        raise S3Error("NotImplemented", f"The checksum algorithm {algorithm.name} is not implemented.")
    return algorithm


def decode(header: str, text: str) -> bytes:
    """Return the value of a checksum header or trailer. Raises S3Error InvalidRequest."""
    algorithm = _BY_HEADER[header]
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise S3Error("InvalidRequest", f"Value for {header} header is invalid.") from error
    if len(value) != algorithm.size:
        raise S3Error("InvalidRequest", f"Value for {header} header is invalid.")
    return value


def decode_md5(text: str) -> bytes:
    """Return the value of Content-MD5. Raises S3Error InvalidDigest."""
    try:
        value = base64.b64decode(text.strip(), validate=True)
    except ValueError as error:
        raise S3Error("InvalidDigest") from error
    if len(value) != 16:
        raise S3Error("InvalidDigest")
    return value


def expected(headers: Mapping[str, str], trailers: frozenset[str]) -> Expected | None:
    """Return what the headers promise, or None when they promise nothing. Raises S3Error."""
    declared = [name for name in headers if name in _BY_HEADER]
    coming = [name for name in trailers if name in _BY_HEADER]
    if len(declared) > 1 or len(coming) > 1:
        raise S3Error(
            "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    wanted = headers.get("x-amz-sdk-checksum-algorithm") or headers.get("x-amz-checksum-algorithm")
    name = (declared or coming or [""])[0]  # a header wins over a trailer
    if not name:
        if wanted is None:
            return None
        if "x-amz-sdk-checksum-algorithm" in headers:
            raise S3Error(
                "InvalidRequest",
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
                "headers were found.",
            )
        return Expected(algorithm_of(wanted), None)
    algorithm = algorithm_of(_BY_HEADER[name].name)
    if wanted is not None and wanted.upper() != algorithm.name:
        raise S3Error("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.")
    return Expected(algorithm, decode(name, headers[name]) if declared else None)


def verify(name: str, promised: bytes, found: bytes) -> None:
    """Compare two checksums. Raises S3Error BadDigest."""
    if not hmac.compare_digest(promised, found):
        raise S3Error("BadDigest", f"The {name} you specified did not match the calculated checksum.")


def headers_of(checksum: Checksum) -> list[tuple[str, str]]:
    """Return the two headers by which a stored checksum is told."""
    algorithm = ALGORITHMS[checksum.algorithm]
    kind = "COMPOSITE" if checksum.is_composite else "FULL_OBJECT"
    return [(algorithm.header, base64.b64encode(checksum.value).decode()), ("x-amz-checksum-type", kind)]
