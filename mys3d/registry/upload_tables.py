"""Rows of uploads as values.        Floor: registry (pure). Called by: rules, queries, invariants.

Law: as in `tables`: only here is known which record of an upload lies under which key; writers are called by rules.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from mys3d import limits
from mys3d.model.names import BodyId, BucketId, LogIndex, ObjectKey, UploadId
from mys3d.model.uploads import Part, PartRun, PartTable, Upload
from mys3d.registry import keys
from mys3d.registry.codec import FORMAT, decoder, encode
from mys3d.registry.records import Completed, CompletedAtRow, LeftoversRow, OrphansRow, PartTableRow
from mys3d.registry.transaction import Reader, Transaction

decode_upload: Final = decoder(Upload).decode
decode_part: Final = decoder(Part).decode
_table: Final = decoder(PartTableRow).decode
_leftovers: Final = decoder(LeftoversRow).decode
_completed: Final = decoder(Completed).decode
_completed_at: Final = decoder(CompletedAtRow).decode


def upload(reader: Reader, bucket: BucketId, key: ObjectKey, upload_id: UploadId) -> Upload | None:
    row = reader.get(keys.upload(bucket, key, upload_id))
    return None if row is None else decode_upload(row)


def put_upload(tx: Transaction, bucket: BucketId, key: ObjectKey, upload_id: UploadId, record: Upload) -> None:
    tx.put(keys.upload(bucket, key, upload_id), encode(record))


def drop_upload(tx: Transaction, bucket: BucketId, key: ObjectKey, upload_id: UploadId) -> None:
    tx.delete(keys.upload(bucket, key, upload_id))


def has_uploads(reader: Reader, bucket: BucketId) -> bool:
    return next(iter(reader.scan(*keys.uploads(bucket))), None) is not None


def part(reader: Reader, upload_id: int, number: int) -> Part | None:
    row = reader.get(keys.part(upload_id, number))
    return None if row is None else decode_part(row)


def put_part(tx: Transaction, upload_id: int, number: int, record: Part) -> None:
    tx.put(keys.part(upload_id, number), encode(record))


def drop_part(tx: Transaction, upload_id: int, number: int) -> None:
    tx.delete(keys.part(upload_id, number))


def parts(reader: Reader, upload_id: int, from_number: int = 0) -> Iterator[tuple[int, Part]]:
    """The parts of an upload from a number on, in order."""
    for key, row in reader.scan(*keys.parts_from(upload_id, from_number)):
        yield keys.part_number(key), decode_part(row)


def all_parts(reader: Reader) -> Iterator[tuple[bytes, Part]]:
    """Every part there is, with the key of its row."""
    for key, row in reader.scan(*keys.stretch(keys.PARTS)):
        yield key, decode_part(row)


def part_table(reader: Reader, body: BodyId) -> PartTable | None:
    """Where the parts of a body lie. None: it has none, or was removed and reaped."""
    row = reader.get(keys.part_table(body))
    return None if row is None else _unpacked(row)


@lru_cache(maxsize=limits.part_tables_kept)  # ranged reads of one object ask for it again and again
def _unpacked(row: bytes) -> PartTable:
    return PartTable(_table(row).runs)


def put_part_table(tx: Transaction, body: BodyId, runs: tuple[PartRun, ...]) -> None:
    tx.put(keys.part_table(body), encode(PartTableRow(FORMAT, runs)))


def drop_part_table(tx: Transaction, body: BodyId) -> None:
    tx.delete(keys.part_table(body))


def leftovers(reader: Reader, body: BodyId) -> int | None:
    """From which number on a body may have parts that it does not name. None: it has none."""
    row = reader.get(keys.leftovers(body))
    return None if row is None else _leftovers(row).cursor


def put_leftovers(tx: Transaction, body: BodyId, cursor: int) -> None:
    tx.put(keys.leftovers(body), encode(LeftoversRow(FORMAT, cursor)))


def drop_leftovers(tx: Transaction, body: BodyId) -> None:
    tx.delete(keys.leftovers(body))


def completed(reader: Reader, upload_id: UploadId) -> Completed | None:
    row = reader.get(keys.completed(upload_id))
    return None if row is None else _completed(row)


def put_completed(tx: Transaction, index: LogIndex, upload_id: UploadId, record: Completed) -> None:
    tx.put(keys.completed(upload_id), encode(record))
    tx.put(keys.completed_at(index), encode(CompletedAtRow(FORMAT, upload_id)))


def drop_completed(tx: Transaction, index: LogIndex, upload_id: UploadId) -> None:
    tx.delete(keys.completed(upload_id))
    tx.delete(keys.completed_at(index))


def completions(reader: Reader) -> Iterator[tuple[LogIndex, UploadId]]:
    """Completed uploads that are remembered, in the order of their completion."""
    for key, row in reader.scan(*keys.stretch(keys.COMPLETED_AT)):
        yield LogIndex(keys.body_id(key)), _completed_at(row).upload


def put_orphans(tx: Transaction, bucket: BucketId) -> None:
    tx.put(keys.orphans(bucket), encode(OrphansRow(FORMAT)))


def drop_orphans(tx: Transaction, bucket: BucketId) -> None:
    tx.delete(keys.orphans(bucket))
