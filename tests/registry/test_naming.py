"""Counts of names, in as much memory as is allowed; each sentence is provoked in test_invariants.py."""

import msgspec
import pytest

from mys3d import limits
from mys3d.registry import codec, keys, queries
from mys3d.registry.naming import check_bodies, check_references


@pytest.fixture
def filled(machine, make):
    """Many blobs, some of them in extents."""
    bucket = machine.bucket()
    for number in range(40):
        machine.done(make.put(bucket, f"k{number}", f"one {number}", f"two {number}", "shared"))
    machine.done(make.put_staged(bucket, "big", machine.staged(["a", "b"], ["c"]), 3))
    return machine


@pytest.mark.parametrize("at_once", [1, 7, 84, 10**6])
def test_the_names_are_counted_range_by_range_with_the_same_result(filled, monkeypatch, at_once):
    monkeypatch.setattr(limits, "check_names_max", at_once)
    assert list(check_references(filled.rows)) == []
    rows = list(filled.rows.scan(*keys.stretch(keys.REFERENCES)))
    filled.rows.commit([(key, None) for key, _ in rows[::10]])
    assert len(list(check_references(filled.rows))) == len(rows[::10])


def test_a_count_of_nothing_is_found_at_both_ends_of_the_digests(filled, make):
    row = filled.rows.get(keys.reference(make.blob("shared").digest))
    for digest in (b"\x00" * 32, b"\xff" * 32):
        filled.rows.commit([(keys.reference(digest), row)])
    assert len(list(check_references(filled.rows))) == 2


def test_a_staged_version_has_the_size_of_its_body(filled, make):
    bucket = queries.buckets(filled.rows, "", 1)[0].id
    version = queries.live(filled.rows, bucket, "big")
    filled.rows.commit([(keys.live(bucket, "big"), codec.encode(msgspec.structs.replace(version, size=9)))])
    (sentence,) = check_bodies(filled.rows)
    assert "9 bytes in 3 blobs are not those of body" in sentence


def test_a_dead_body_without_extents(filled):
    filled.rows.commit([(keys.dead_body(3), b"\x93\x01\x00\x01")])
    assert "dead body 3: has no extents left" in " ".join(check_bodies(filled.rows))


def test_an_extent_of_nobody(filled):
    (row,) = [row for key, row in filled.rows.scan(*keys.stretch(keys.EXTENTS))][:1]
    filled.rows.commit([(keys.extent(99, 0, 0), row)])
    assert "body 99: is named, and has no row" in " ".join(check_bodies(filled.rows))
