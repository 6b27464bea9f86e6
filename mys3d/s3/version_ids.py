"""Version ids as clients see them.        Floor: s3 (pure). Called by: operations.

Law: an id is opaque text of 32 characters that no URL has to escape, made of the log index alone, so that every node
writes and reads the same; text that no node ever wrote is refused, and never taken for another version.
Source: S3 User Guide, "Version IDs": opaque, URL-ready, at most 1,024 bytes; the null version is called `null`.
"""

import base64
import hashlib
from functools import lru_cache
from typing import Final

from mys3d.errors import S3Error
from mys3d.model.names import NULL_VERSION, VersionId
from mys3d.model.objects import Version

NULL: Final = "null"
_FORM: Final = b"m"
_CHECK_BYTES: Final = 15  # with the form and eight bytes of index, 24 bytes: 32 characters without padding
_CHARACTERS: Final = 32


def of(version: Version) -> str:
    return text_of(version.id, version.is_null)


@lru_cache(maxsize=4096)
def text_of(version: VersionId, is_null: bool = False) -> str:
    if is_null or version == NULL_VERSION:
        return NULL
    index = version.to_bytes(8, "big")
    return base64.urlsafe_b64encode(_FORM + index + _check(index)).decode()


def parse(text: str | None) -> VersionId | None:
    """Return the version that is named; None: none is. Raises S3Error InvalidArgument."""
    if text is None:
        return None
    if text == NULL:
        return NULL_VERSION
    if not text:
        raise _refusal(text, "Version id cannot be the empty string")
    if not text.isascii() or len(text) != _CHARACTERS:
        raise _refusal(text)
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError as error:
        raise _refusal(text) from error
    index = raw[1:9]
    found = VersionId(int.from_bytes(index, "big"))
    if raw != _FORM + index + _check(index) or found == NULL_VERSION:
        raise _refusal(text)
    return found


def _check(index: bytes) -> bytes:
    return hashlib.blake2b(index, digest_size=_CHECK_BYTES, person=b"mys3d version id").digest()


def _refusal(text: str, message: str = "Invalid version id specified") -> S3Error:
    return S3Error("InvalidArgument", message, ArgumentName="versionId", ArgumentValue=text)
