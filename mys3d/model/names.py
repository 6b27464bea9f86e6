"""Identifiers, and the only functions that make them from outside text.        Floor: model (pure).

Law: two identifiers of different kinds never type-check for each other.
Source: S3 User Guide, "Bucket naming rules" and "Naming Amazon S3 objects".
"""

import re
from typing import Final, NewType

from mys3d import limits

BucketName = NewType("BucketName", str)
BucketId = NewType("BucketId", int)  # log index of the bucket's creation: a re-created bucket is another bucket
ObjectKey = NewType("ObjectKey", str)  # any UTF-8 text of 1..1,024 bytes
VersionId = NewType("VersionId", int)  # log index of the command that made the version
UploadId = NewType("UploadId", int)
BodyId = NewType("BodyId", int)  # log index of the command that staged its first extent
NodeId = NewType("NodeId", str)  # 32 hex digits of a random UUID
AccessKey = NewType("AccessKey", str)
UserId = NewType("UserId", str)  # 64 hex digits, S3's canonical user id; root's is its access key
LogIndex = NewType("LogIndex", int)
Term = NewType("Term", int)
Epoch = NewType("Epoch", int)  # number of a layout
GcEpoch = NewType("GcEpoch", int)  # number of a garbage collection period
Instant = NewType("Instant", int)  # milliseconds since 1970-01-01T00:00:00Z
NULL_VERSION: Final = VersionId(0)  # in a command: the null version of a key, whichever that is; no index is 0
Partition = NewType("Partition", int)  # 0..1023: the first ten bits of a digest
OperationId = NewType("OperationId", bytes)  # 16 random bytes, chosen once by the proposer of a command

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_IPV4: Final = re.compile(r"\d+\.\d+\.\d+\.\d+")
_RESERVED_PREFIXES: Final = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES: Final = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_NODE: Final = re.compile(r"[0-9a-f]{32}")


def parse_bucket_name(text: str) -> BucketName:
    """Return `text` as a bucket name. Raises ValueError with the rule that it breaks."""
    if not limits.bucket_name_min <= len(text) <= limits.bucket_name_max:
        raise ValueError(f"a bucket name has 3 to 63 characters, found {len(text)}")
    if _BUCKET.fullmatch(text) is None:
        raise ValueError("a bucket name has lower-case letters, digits, dots and hyphens, and starts and ends with one")
    if ".." in text:
        raise ValueError("a bucket name has no two dots side by side")
    if ".-" in text or "-." in text:
        raise ValueError("a bucket name has no hyphen beside a dot: its parts are labels of a host name")
    if _IPV4.fullmatch(text) is not None:
        raise ValueError("a bucket name is not formatted as an IP address")
    if text.startswith(_RESERVED_PREFIXES) or text.endswith(_RESERVED_SUFFIXES):
        raise ValueError("a bucket name has no reserved prefix or suffix")
    return BucketName(text)


def parse_object_key(text: str) -> ObjectKey:
    """Return `text` as an object key. Raises ValueError when it is empty, too long or not encodable as UTF-8."""
    try:
        length = len(text.encode())
    except UnicodeEncodeError as error:
        raise ValueError("an object key is UTF-8 text") from error
    if not 1 <= length <= limits.key_bytes_max:
        raise ValueError(f"an object key has 1 to 1024 bytes, found {length}")
    return ObjectKey(text)


def parse_node_id(text: str) -> NodeId:
    """Return `text` as a node id. Raises ValueError unless it is 32 lower-case hex digits."""
    if _NODE.fullmatch(text) is None:
        raise ValueError(f"a node id is 32 hex digits, found {text!r}")
    return NodeId(text)
