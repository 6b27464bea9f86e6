"""What answers of several operations have in common.        Floor: operations. Called by: every operation.

Law: no value from outside can start another header or another element.
"""

import base64
import hashlib
import re
from typing import Final

from mys3d.errors import S3Error
from mys3d.model.buckets import Bucket
from mys3d.model.names import AccessKey, UserId
from mys3d.operations.services import Services
from mys3d.registry import queries
from mys3d.registry.transaction import Reader
from mys3d.s3 import location
from mys3d.s3.message import CONTROL

_USER: Final = re.compile(r"[0-9a-f]{64}")
XML_TYPE: Final = (b"content-type", b"application/xml")


def header(name: str, value: str) -> tuple[bytes, bytes]:
    """Return one header. Raises S3Error InvalidArgument: a line break in a value would start another header."""
    if CONTROL.search(value) is not None:
        raise S3Error("InvalidArgument", f"The header {name} would hold a control character", ArgumentName=name)
    return name.encode(), value.encode()


def metadata_header(name: str, value: str) -> tuple[bytes, bytes]:
    """Return one header of user metadata. S3 shows text beyond ASCII as RFC 2047 says."""
    if not value.isascii():
        value = f"=?UTF-8?B?{base64.b64encode(value.encode()).decode()}?="
    return header(f"x-amz-meta-{name}", value)


def quoted(etag: str) -> str:
    return f'"{etag}"'


def owner_element(reader: Reader, owner: UserId) -> dict[str, str]:
    """An owner as S3 shows one: a canonical id of 64 hex digits, and a name."""
    user = queries.user(reader, owner)
    if user is not None:
        return {"ID": user.id, "DisplayName": user.name}
    root = queries.credential(reader, AccessKey(owner))
    if root is None and _USER.fullmatch(owner) is not None:  # a user that was deleted
        return {"ID": owner, "DisplayName": ""}
    name = owner if root is None else root.user
    return {"ID": hashlib.sha256(f"mys3d owner {owner}".encode()).hexdigest(), "DisplayName": name}


def region_of(services: Services, bucket: Bucket) -> str:
    """The region that a bucket is shown in; without a constraint, that of the cluster."""
    constraint = bucket.configuration.location_constraint
    return location.region_of(constraint) if constraint else services.region
