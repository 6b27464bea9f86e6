"""Checksums as S3 names, sends and compares them.        Floor: s3 (pure). Called by: operations.

Law: a checksum that a client declares, in a header, a trailer or a list of parts, is compared before anything becomes
visible.
Source: S3 User Guide, "Checking object integrity"; the ten algorithms of the S3 model of botocore 1.44.5.
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
    """One algorithm: its name in XML, its length in bytes, and how those of parts may become one of an object."""

    name: str
    size: int
    kinds: tuple[str, ...]  # of an upload in parts, the one that holds when none is asked for first

    @property
    def hash(self) -> str:
        """Its name among our hashes."""
        return self.name.lower()

    @property
    def header(self) -> str:
        return HEADER_PREFIX + self.name.lower()

    @property
    def element(self) -> str:
        return f"Checksum{self.name}"


COMPOSITE: Final = "COMPOSITE"
FULL_OBJECT: Final = "FULL_OBJECT"

# Only CRCs of stretches can be combined; of those, S3 makes no composite of the 64 bit one.
_EITHER: Final = (COMPOSITE, FULL_OBJECT)
_OF_PARTS: Final = (COMPOSITE,)


ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("CRC32", 4, _EITHER),
        Algorithm("CRC32C", 4, _EITHER),
        Algorithm("CRC64NVME", 8, (FULL_OBJECT,)),
        Algorithm("SHA1", 20, _OF_PARTS),
        Algorithm("SHA256", 32, _OF_PARTS),
        Algorithm("SHA512", 64, _OF_PARTS),
        Algorithm("MD5", 16, _OF_PARTS),
        Algorithm("XXHASH64", 8, _OF_PARTS),
        Algorithm("XXHASH3", 8, _OF_PARTS),
        Algorithm("XXHASH128", 16, _OF_PARTS),
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
    """Return the algorithm of that name. Raises S3Error InvalidRequest."""
    algorithm = ALGORITHMS.get(name.upper())
    if algorithm is None:
        raise S3Error("InvalidRequest", "Checksum algorithm provided is unsupported.")
    return algorithm


def kind_of(algorithm: Algorithm | None, asked: str | None) -> str:
    """Return the checksum type of an upload in parts. None: not asked for. Raises S3Error InvalidRequest."""
    if asked is None:
        return (algorithm or DEFAULT).kinds[0]
    kind = asked.upper()
    if kind not in (COMPOSITE, FULL_OBJECT):
        raise S3Error("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")
    if algorithm is None:
        raise S3Error(
            "InvalidRequest",
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
        )
    if kind not in algorithm.kinds:
        raise S3Error(
            "InvalidRequest",
            f"The {kind} checksum type cannot be used with the {algorithm.name.lower()} checksum algorithm.",
        )
    return kind


def decode(header: str, text: str) -> bytes:
    """Return the value of a checksum header or trailer. Raises S3Error BadDigest.

    S3 API, PutObject: a value that does not fit its algorithm is a BadDigest. No bytes could ever have it.
    """
    algorithm = _BY_HEADER[header]
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise S3Error("BadDigest", f"Value for {header} header is invalid.") from error
    if len(value) != algorithm.size:
        raise S3Error("BadDigest", f"Value for {header} header is invalid.")
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


def shown_kind(checksum: Checksum) -> str:
    return COMPOSITE if checksum.is_composite else FULL_OBJECT


def text_of(checksum: Checksum) -> str:
    """Return a checksum as headers and XML show it. S3 User Guide: a composite one ends in "-" and the parts count."""
    suffix = f"-{checksum.parts_count}" if checksum.is_composite else ""
    return base64.b64encode(checksum.value).decode() + suffix


def headers_of(checksum: Checksum, kind: str = "") -> list[tuple[str, str]]:
    """Return the two headers by which a stored checksum is told. `kind`: of the object, when this is one of a part."""
    shown = kind or shown_kind(checksum)
    return [(ALGORITHMS[checksum.algorithm].header, text_of(checksum)), ("x-amz-checksum-type", shown)]


def elements_of(checksum: Checksum) -> list[tuple[str, str]]:
    """Return the two elements by which XML tells the checksum of an object."""
    return [element_of(checksum), ("ChecksumType", shown_kind(checksum))]


def element_of(checksum: Checksum) -> tuple[str, str]:
    """Return the element by which XML tells a checksum, as its name and text."""
    return ALGORITHMS[checksum.algorithm].element, text_of(checksum)
