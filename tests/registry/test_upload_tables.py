"""Rows of uploads: their keys, and their bytes, which stay readable."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mys3d.model.body import Body, InlineBlobs, PartsBody
from mys3d.model.names import LogIndex, UploadId
from mys3d.model.objects import Content
from mys3d.model.uploads import Part, PartRun, Upload
from mys3d.registry import codec, keys, upload_tables
from mys3d.registry.memory import MemoryRows
from mys3d.registry.outcomes import VersionPut
from mys3d.registry.records import Completed, CompletedAtRow, DeadBody, LeftoversRow, OrphansRow, PartTableRow
from mys3d.registry.transaction import Overlay

RECORDS = {
    "9901c40174a26d650594a4746578749090a85354414e44415244a54352433332c30702": Upload(
        1, b"t", "me", 5, Content("text"), "CRC32", is_composite=True, revision=7, parts_count=2
    ),
    "960192a1699000a1650590": Part(1, InlineBlobs(()), 0, "e", 5),
    "92019193010203": PartTableRow(1, (PartRun(1, 2, 3),)),
    "920104": LeftoversRow(1, 4),
    "9801c4017402a16b94a37075740905c3a3652d319006": Completed(
        1, b"t", 2, "k", VersionPut(9, 5, is_null=True), "e-1", (), 6
    ),
    "9101": OrphansRow(1),
    "94010005c3": DeadBody(1, 0, 5, is_parts=True),
}


@pytest.mark.parametrize("row", RECORDS)
def test_a_row_of_the_first_release_that_wrote_it_stays_readable(row):
    record = RECORDS[row]
    assert codec.decoder(type(record)).decode(bytes.fromhex(row)) == record


def test_a_dead_body_of_an_older_release_has_extents():
    assert codec.decoder(DeadBody).decode(bytes.fromhex("93010005")) == DeadBody(1, 0, 5, is_parts=False)


def test_a_body_of_parts_is_one_of_the_bodies():
    found = msgspec.msgpack.decode(bytes.fromhex("93a1700402"), type=Body)
    assert found == PartsBody(4, 2)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20), st.integers(0, 2**62), st.integers(0, 2**62))
def test_the_key_of_an_upload_says_where_it_goes(key, bucket, upload):
    assert keys.upload_place(keys.upload(bucket, key, upload)) == (bucket, key, upload)


def test_uploads_sort_by_key_and_then_by_age():
    names = [("a", 9), ("a", 10), ("a\x00", 1), ("aa", 2)]
    rows = [keys.upload(1, key, UploadId(upload)) for key, upload in names]
    assert rows == sorted(rows)
    start, stop = keys.stretch(keys.UPLOADS + keys.name(1, "a"))
    assert [start <= row < stop for row in rows] == [True, True, False, False]


def test_parts_are_read_from_a_number_on():
    tx = Overlay(MemoryRows())
    for number in (1, 2, 10_000):
        upload_tables.put_part(tx, 5, number, Part(1, InlineBlobs(()), 0, str(number), 5))
    upload_tables.put_part(tx, 6, 1, Part(1, InlineBlobs(()), 0, "other", 5))
    assert [number for number, _ in upload_tables.parts(tx, 5, 2)] == [2, 10_000]
    assert [keys.part_number(key) for key, _ in upload_tables.all_parts(tx)] == [1, 2, 10_000, 1]


def test_completions_are_read_in_their_order():
    tx = Overlay(MemoryRows())
    record = Completed(1, b"t", 2, "k", VersionPut(9, 5, is_null=True), "e-1", (), 6)
    for index, upload in ((30, 1), (20, 2)):
        upload_tables.put_completed(tx, LogIndex(index), UploadId(upload), record)
    assert list(upload_tables.completions(tx)) == [(20, 2), (30, 1)]
    upload_tables.drop_completed(tx, LogIndex(20), UploadId(2))
    assert list(upload_tables.completions(tx)) == [(30, 1)]
    assert CompletedAtRow(1, UploadId(1)) == codec.decoder(CompletedAtRow).decode(tx.get(keys.completed_at(30)))
