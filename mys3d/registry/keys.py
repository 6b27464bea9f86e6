"""Where each row lies: the bytes of every key.        Floor: registry (pure). Called by: tables, listing, invariants.

Law: keys of one table sort as their fields do; an object key sorts by its UTF-8 bytes, as S3 sorts. The first byte is
the table. Tables are bytes on disk: never rename or reuse one. docs/formats/registry.md lists them all, with those
laid out for operations that come later.
"""

from typing import Final

from mys3d.model.digest import Digest
from mys3d.model.names import (
    AccessKey,
    BodyId,
    BucketId,
    BucketName,
    LogIndex,
    NodeId,
    OperationId,
    Partition,
    UploadId,
    UserId,
    VersionId,
)

APPLIED: Final = b"a"
BUCKETS: Final = b"b"
CLUSTER: Final = b"c"
BODIES: Final = b"d"
EXTENTS: Final = b"e"
DEAD_BODIES: Final = b"f"
GC_EPOCH: Final = b"g"
HOMES: Final = b"h"
BUCKET_NAMES: Final = b"i"
CREDENTIALS: Final = b"k"
LAYOUT: Final = b"l"
MEMBERS: Final = b"m"
NOW: Final = b"n"
LIVE: Final = b"o"
REFERENCES: Final = b"r"
SETTINGS: Final = b"s"
TOKENS: Final = b"t"
NULLS: Final = b"u"
VOTERS: Final = b"v"
VERSIONS: Final = b"w"
OUTCOMES: Final = b"x"
OUTCOMES_AT: Final = b"y"
UNFINISHED: Final = b"U"
USERS: Final = b"P"
USER_NAMES: Final = b"N"
USER_KEYS: Final = b"K"
USER_BUCKETS: Final = b"O"
UPLOADS: Final = b"p"
PARTS: Final = b"q"
PART_TABLES: Final = b"T"
LEFTOVERS: Final = b"L"
COMPLETED: Final = b"z"
COMPLETED_AT: Final = b"Z"
ORPHANS: Final = b"B"
CORS: Final = b"C"

# Laid out in docs/formats/registry.md for operations that come later; no row of them exists yet.
STAGED: Final = b"j"

_END: Final = b"\x00\x01"  # ends an object key; below every continuation of it
_NUL: Final = b"\x00\xff"  # a NUL inside an object key


def number(value: int) -> bytes:
    """Eight bytes that sort as the number does."""
    return value.to_bytes(8, "big")


def newest_first(index: int) -> bytes:
    """Eight bytes that sort the other way round."""
    return number(2**64 - 1 - index)


def escape(text: str) -> bytes:
    """The bytes of an object key (or of the beginning of one) in a row key, without its end."""
    data = text.encode()
    return data.replace(b"\x00", _NUL) if b"\x00" in data else data


def live(bucket: BucketId, key: str) -> bytes:
    return LIVE + bucket.to_bytes(8, "big") + escape(key) + _END


def name(bucket: BucketId, key: str) -> bytes:
    """What stands behind the letter in all rows of one key."""
    return bucket.to_bytes(8, "big") + escape(key) + _END


def names(bucket: BucketId, prefix: str) -> tuple[bytes, bytes]:
    """The stretch of the names of all keys that start with `prefix`."""
    return stretch(number(bucket) + escape(prefix))


def key_of(name: bytes) -> str:
    """The object key in a name."""
    data = name[8:-2]
    return (data.replace(_NUL, b"\x00") if b"\x00" in data else data).decode()


def lives(bucket: BucketId, prefix: str = "") -> tuple[bytes, bytes]:
    """The stretch of live rows whose object keys start with `prefix`."""
    return stretch(LIVE + number(bucket) + escape(prefix))


def version(bucket: BucketId, key: str, index: VersionId) -> bytes:
    """Versions and markers of a key, newest first."""
    return VERSIONS + name(bucket, key) + newest_first(index)


def versions(bucket: BucketId) -> tuple[bytes, bytes]:
    return stretch(VERSIONS + number(bucket))


def versions_of(bucket: BucketId, key: str) -> tuple[bytes, bytes]:
    return stretch(VERSIONS + name(bucket, key))


def null_pointer(bucket: BucketId, key: str) -> bytes:
    return NULLS + name(bucket, key)


def bucket(name: BucketName) -> bytes:
    return BUCKETS + name.encode()


def bucket_name(bucket_id: BucketId) -> bytes:
    return BUCKET_NAMES + number(bucket_id)


def member(node: NodeId) -> bytes:
    return MEMBERS + node.encode()


def token(secret_digest: bytes) -> bytes:
    return TOKENS + secret_digest


def credential(access_key: AccessKey) -> bytes:
    return CREDENTIALS + access_key.encode()


def user(user_id: UserId) -> bytes:
    return USERS + user_id.encode()


def user_name(name: str) -> bytes:
    return USER_NAMES + b"n" + name.encode()


def user_email(email: str) -> bytes:
    return USER_NAMES + b"e" + email.lower().encode()


def user_key(user_id: UserId, access_key: str) -> bytes:
    return USER_KEYS + user_id.encode() + b"\x00" + access_key.encode()


def user_bucket(user_id: UserId, name: str) -> bytes:
    return USER_BUCKETS + user_id.encode() + b"\x00" + name.encode()


def reference(digest: Digest) -> bytes:
    """A partition is the first ten bits of a digest, so its references are one stretch."""
    return REFERENCES + digest


def references(partition: Partition) -> tuple[bytes, bytes]:
    stop = (partition + 1) << 6
    return (
        REFERENCES + (partition << 6).to_bytes(2, "big"),
        REFERENCES + stop.to_bytes(2, "big") if stop < 2**16 else after(REFERENCES),
    )


def body(body_id: BodyId) -> bytes:
    return BODIES + number(body_id)


def extent(body_id: BodyId, part: int, sequence: int) -> bytes:
    return EXTENTS + number(body_id) + part.to_bytes(4, "big") + sequence.to_bytes(4, "big")


def extents(body_id: BodyId) -> tuple[bytes, bytes]:
    """All extents of a body."""
    return stretch(EXTENTS + number(body_id))


def body_id(row: bytes) -> BodyId:
    """The body in the key of any row of bodies."""
    return BodyId(int.from_bytes(row[1:9], "big"))


def unfinished(body_id: BodyId) -> bytes:
    return UNFINISHED + number(body_id)


def dead_body(body_id: BodyId) -> bytes:
    return DEAD_BODIES + number(body_id)


def upload(bucket: BucketId, key: str, upload_id: UploadId) -> bytes:
    """Uploads of a key, oldest first."""
    return UPLOADS + name(bucket, key) + number(upload_id)


def upload_place(row: bytes) -> tuple[BucketId, str, UploadId]:
    """The bucket, object key and upload in the key of an upload row."""
    key = key_of(row[1:-8])
    return BucketId(int.from_bytes(row[1:9], "big")), key, UploadId(int.from_bytes(row[-8:], "big"))


def uploads(bucket: BucketId, prefix: str = "") -> tuple[bytes, bytes]:
    """The stretch of uploads to object keys that start with `prefix`."""
    return stretch(UPLOADS + number(bucket) + escape(prefix))


def part(upload_id: int, part_number: int) -> bytes:
    """A part, by the number of its upload, which is that of the body it belongs to later."""
    return PARTS + number(upload_id) + part_number.to_bytes(4, "big")


def part_number(row: bytes) -> int:
    return int.from_bytes(row[9:13], "big")


def parts_from(upload_id: int, part_number: int) -> tuple[bytes, bytes]:
    """The parts of an upload from a number on."""
    return part(upload_id, part_number), after(PARTS + number(upload_id))


def part_table(body_id: BodyId) -> bytes:
    return PART_TABLES + number(body_id)


def leftovers(body_id: BodyId) -> bytes:
    return LEFTOVERS + number(body_id)


def completed(upload_id: UploadId) -> bytes:
    return COMPLETED + number(upload_id)


def completed_at(index: LogIndex) -> bytes:
    return COMPLETED_AT + number(index)


def orphans(bucket: BucketId) -> bytes:
    return ORPHANS + number(bucket)


def cors(bucket: BucketId) -> bytes:
    return CORS + number(bucket)


def outcome(operation: OperationId) -> bytes:
    return OUTCOMES + operation


def outcomes_at(index: LogIndex) -> bytes:
    return OUTCOMES_AT + number(index)


def stretch(start: bytes) -> tuple[bytes, bytes]:
    """All keys that begin with `start`."""
    return start, after(start)


def after(start: bytes) -> bytes:
    """The first key behind all those that begin with `start` (which is never all 0xFF: a table is a letter)."""
    head = start.rstrip(b"\xff")
    return head[:-1] + bytes([head[-1] + 1])
