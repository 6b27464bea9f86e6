"""Each sentence about the rows of uploads, provoked by one row that is not as others say."""

import msgspec
import pytest

from mys3d.model.names import BucketName
from mys3d.registry import codec, invariants, keys, queries, upload_tables
from mys3d.registry.commands import DeleteBucket
from mys3d.registry.upload_checks import check_completed, check_part_tables, check_uploads


@pytest.fixture
def filled(machine, make):
    """An open upload (of `open`) with two parts, and an object of two parts (of `k`) with one left over."""
    bucket = machine.bucket()
    upload = machine.upload(bucket, "k")
    for number, text in enumerate(("a", "bb", "ccc"), 1):
        machine.done(make.part(bucket, "k", upload, number, text))
    machine.done(make.complete(bucket, "k", upload, 3, [(1, 1), (3, 3)]))
    other = machine.upload(bucket, "open")
    machine.done(make.part(bucket, "open", other, 1, "d"))
    machine.done(make.part(bucket, "open", other, 7, "e"))
    machine.bucket_id, machine.whole, machine.open = bucket, upload, other
    assert invariants.violations(machine.rows) == []
    return machine


def said(machine):
    checks = (check_uploads, check_part_tables, check_completed)
    return " ".join(sentence for check in checks for sentence in check(machine.rows))


def change(machine, key, **changes):
    """Write a row with other fields."""
    decode = {keys.UPLOADS: upload_tables.decode_upload, keys.PARTS: upload_tables.decode_part}[key[:1]]
    record = msgspec.structs.replace(decode(machine.rows.get(key)), **changes)
    machine.rows.commit([(key, codec.encode(record))])


def test_an_upload_that_counts_other_parts(filled):
    change(filled, keys.upload(filled.bucket_id, "open", filled.open), parts_count=3)
    assert f"body {filled.open}: its 2 parts are neither" in said(filled)


def test_an_upload_without_its_parts(filled):
    filled.rows.commit([(keys.part(filled.open, number), None) for number in (1, 7)])
    assert f"upload {filled.open}: has not the 2 parts that it counts" in said(filled)


def test_an_upload_of_the_future_that_was_completed(filled):
    row = filled.rows.get(keys.upload(filled.bucket_id, "open", filled.open))
    filled.rows.commit([(keys.upload(filled.bucket_id, "k", 999), row)])
    assert "upload 999: is newer than entry" in said(filled)
    filled.rows.commit([(keys.upload(filled.bucket_id, "k", filled.whole), row)])
    assert f"upload {filled.whole}: is open, and completed" in said(filled)


def test_a_bucket_that_is_gone_and_not_remembered(filled, make):
    filled.done(make.delete(filled.bucket_id, "k"))
    filled.done(DeleteBucket(filled.bucket_id, BucketName("photos")))
    assert said(filled) == ""
    filled.rows.commit([(keys.orphans(filled.bucket_id), None)])
    assert f"buckets [] are remembered for their uploads, expected [{filled.bucket_id}]" in said(filled)


def test_a_part_of_another_size_than_its_blobs_and_its_table_say(filled):
    change(filled, keys.part(filled.whole, 3), size=4)
    assert f"part 3 of {filled.whole}: 4 bytes are not those of its blobs" in said(filled)
    assert f"body {filled.whole}: its 3 parts are neither" in said(filled)


def test_a_part_that_a_table_names_and_is_not_there(filled):
    filled.rows.commit([(keys.part(filled.whole, 3), None)])
    assert f"body {filled.whole}: its 2 parts are neither" in said(filled)


def test_leftovers_that_nobody_remembers(filled):
    filled.rows.commit([(keys.leftovers(filled.whole), None)])
    assert f"body {filled.whole}: parts that it does not name are not remembered" in said(filled)


def test_leftovers_of_nobody(filled):
    filled.rows.commit([(keys.leftovers(99), b"\x92\x01\x00")])
    assert "leftovers 99: are of no body" in said(filled)


def test_a_table_of_nobody_and_one_of_another_size(filled):
    row = filled.rows.get(keys.part_table(filled.whole))
    filled.rows.commit([(keys.part_table(99), row)])
    assert "table 99: is of no body" in said(filled)
    filled.rows.commit([(keys.part_table(filled.whole), row.replace(b"\x03\x01\x03", b"\x03\x01\x05"))])
    assert f"table {filled.whole}: 6 bytes are not the 4 of its body" in said(filled)
    assert "4 bytes are not those of the parts it names" in said(filled)


def test_an_answer_that_would_never_be_forgotten(filled):
    ((key, _),) = filled.rows.scan(*keys.stretch(keys.COMPLETED_AT))
    filled.rows.commit([(key, None)])
    assert "1 completed uploads are remembered and 0 are queued" in said(filled)


def test_a_dead_body_without_parts(filled, make):
    filled.done(make.delete(filled.bucket_id, "k"))
    filled.rows.commit([(keys.part(filled.whole, number), None) for number in (1, 2, 3)])
    assert f"dead body {filled.whole}: has no extents left" in " ".join(invariants.violations(filled.rows))


def test_an_owner_too_many(filled):
    found = queries.live(filled.rows, filled.bucket_id, "k")
    filled.rows.commit([(keys.live(filled.bucket_id, "twin"), codec.encode(found))])
    assert f"body {filled.whole}: 1 owners are not what versions and parts name" in " ".join(
        invariants.violations(filled.rows)
    )
