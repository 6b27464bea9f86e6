"""Ids of uploads on the wire.        Floor: s3 (pure). Called by: operations.

Law: an id says where its upload lies, and is worth nothing without the random token that only its maker was told. Ids
of one key sort as the uploads were begun.
"""

import re
from typing import Final

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.names import UploadId

_INDEX_DIGITS: Final = 16
_FORM: Final = re.compile(f"[0-9a-f]{{{_INDEX_DIGITS + 2 * limits.upload_token_bytes}}}")


def write(upload: UploadId, token: bytes) -> str:
    return f"{upload:0{_INDEX_DIGITS}x}{token.hex()}"


def read(text: str) -> tuple[UploadId, bytes]:
    """Return an upload and its token. Raises S3Error NoSuchUpload for what was never an id."""
    if _FORM.fullmatch(text) is None or int(text[:_INDEX_DIGITS], 16) >= 2**63:
        raise S3Error("NoSuchUpload", UploadId=text)
    return UploadId(int(text[:_INDEX_DIGITS], 16)), bytes.fromhex(text[_INDEX_DIGITS:])


def read_marker(text: str) -> UploadId:
    """Return the upload behind which a page begins. Raises S3Error InvalidArgument."""
    try:
        return read(text)[0]
    except S3Error as error:
        raise S3Error(
            "InvalidArgument", "Invalid uploadId marker", ArgumentName="upload-id-marker", ArgumentValue=text
        ) from error
