"""Whether the rows of uploads hang together.        Floor: registry (pure). Called by: invariants.

Law: each check yields a sentence for every row that is not as others say. Memory holds the open uploads, and nothing of
their parts.
"""

from collections.abc import Iterator
from itertools import groupby

from mys3d.model.body import InlineBlobs, PartsBody
from mys3d.model.names import BodyId, BucketId
from mys3d.registry import keys, tables, upload_tables
from mys3d.registry.transaction import Reader


def check_uploads(reader: Reader) -> Iterator[str]:
    """An open upload has the parts it counts, and a bucket that is there or remembered to be gone."""
    index, _ = tables.applied(reader)
    counts: dict[BodyId, int] = {}
    orphaned: dict[BucketId, None] = {}
    for key, row in reader.scan(*keys.stretch(keys.UPLOADS)):
        bucket, _, upload_id = keys.upload_place(key)
        upload = upload_tables.decode_upload(row)
        if upload.parts_count:
            counts[BodyId(upload_id)] = upload.parts_count
        if upload_id > index:
            yield f"upload {upload_id}: is newer than entry {index}"
        if not tables.has_bucket(reader, bucket):
            orphaned[bucket] = None
        if tables.body(reader, BodyId(upload_id)) or upload_tables.completed(reader, upload_id):
            yield f"upload {upload_id}: is open, and completed"
    remembered = {BucketId(keys.body_id(key)): None for key, _ in reader.scan(*keys.stretch(keys.ORPHANS))}
    if orphaned != remembered:
        yield f"buckets {list(remembered)} are remembered for their uploads, expected {list(orphaned)}"
    yield from _check_parts(reader, counts)


def _check_parts(reader: Reader, open_counts: dict[BodyId, int]) -> Iterator[str]:
    """Parts belong to an open upload, to a body with a table, or to a dead body."""
    for body, own in groupby(upload_tables.all_parts(reader), key=lambda row: keys.body_id(row[0])):
        count, named, size, is_left_over = 0, 0, 0, False
        table = upload_tables.part_table(reader, body)
        for key, part in own:
            number = keys.part_number(key)
            count += 1
            if isinstance(part.body, InlineBlobs) and sum(blob.length for blob in part.body.blobs) != part.size:
                yield f"part {number} of {body}: {part.size} bytes are not those of its blobs"
            if table is not None and table.names(number):
                named += 1
                size += part.size
            else:
                is_left_over = True
        found, dead = tables.body(reader, body), tables.dead_body(reader, body)
        if dead is not None and dead.is_parts and found is None:
            continue
        if open_counts.pop(body, 0) == count and found is None and table is None:
            continue
        if found is None or table is None or (named, size) != (table.parts_count, found.size):
            yield f"body {body}: its {count} parts are neither those of an upload nor of a table"
        elif is_left_over and upload_tables.leftovers(reader, body) is None:
            yield f"body {body}: parts that it does not name are not remembered"
    for body, count in open_counts.items():
        yield f"upload {body}: has not the {count} parts that it counts"


def check_part_tables(reader: Reader) -> Iterator[str]:
    """A table belongs to a body, and the versions that name it have its size."""
    for key, _ in reader.scan(*keys.stretch(keys.PART_TABLES)):
        body = keys.body_id(key)
        table, found, dead = (
            upload_tables.part_table(reader, body),
            tables.body(reader, body),
            tables.dead_body(reader, body),
        )
        assert table is not None, "a row that was scanned is there"
        if (found is None) == (dead is None or not dead.is_parts):
            yield f"table {body}: is of no body"
        elif found is not None and (found.size, found.extents_count) != (table.size, 0):
            yield f"table {body}: {table.size} bytes are not the {found.size} of its body"
    for key, _ in reader.scan(*keys.stretch(keys.LEFTOVERS)):
        body = keys.body_id(key)
        if tables.body(reader, body) is None or upload_tables.part_table(reader, body) is None:
            yield f"leftovers {body}: are of no body"
    for table_name in (keys.LIVE, keys.VERSIONS):
        for key, row in reader.scan(*keys.stretch(table_name)):
            version = tables.decode_version(row)
            if isinstance(version.body, PartsBody):
                table = upload_tables.part_table(reader, version.body.body)
                if table is None or (table.size, table.parts_count) != (version.size, version.body.parts_count):
                    yield f"row {key.hex()}: {version.size} bytes are not those of the parts it names"


def check_completed(reader: Reader) -> Iterator[str]:
    """Each answer that is remembered has its place in the queue of those to forget."""
    queued = {keys.completed(upload): index for index, upload in upload_tables.completions(reader)}
    stored = {key: None for key, _ in reader.scan(*keys.stretch(keys.COMPLETED))}
    if queued.keys() != stored.keys():
        yield f"{len(stored)} completed uploads are remembered and {len(queued)} are queued to be forgotten"
