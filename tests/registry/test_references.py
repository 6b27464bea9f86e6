"""Counting the bodies that name a blob."""

import pytest

from mys3d.model.body import StagedBody
from mys3d.registry import keys, references
from mys3d.registry.memory import MemoryRows
from mys3d.registry.queries import references_count
from mys3d.registry.transaction import Overlay


@pytest.fixture
def tx():
    return Overlay(MemoryRows())


def named(make, *texts):
    return tuple(make.blob(text) for text in texts)


def test_a_list_counts_each_time_it_names_a_blob(tx, make):
    references.change(tx, added=named(make, "a", "b", "a"))
    assert references_count(tx, make.blob("a").digest) == 2
    assert references_count(tx, make.blob("b").digest) == 1


def test_a_blob_nobody_names_has_no_row(tx, make):
    references.change(tx, added=named(make, "a"))
    references.change(tx, removed=named(make, "a"))
    assert tx.get(keys.reference(make.blob("a").digest)) is None


def test_a_blob_that_stays_is_not_written(tx, make):
    references.change(tx, added=named(make, "a", "b"))
    upper = Overlay(tx)
    references.change(upper, named(make, "a", "b"), named(make, "b", "a"))
    assert upper.writes() == []


def test_taking_away_what_was_never_counted_is_a_broken_promise(tx, make):
    with pytest.raises(AssertionError, match="expected references"):
        references.change(tx, removed=named(make, "a"))


def test_markers_and_staged_bodies_name_no_blobs_themselves(make):
    assert references.blobs_of(None) == references.blobs_of(StagedBody(3, 40)) == ()
