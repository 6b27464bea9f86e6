"""The versions of a key; the property tests that go through all of this are in rules/test_versions.py."""

import pytest

from mys3d.model.names import NULL_VERSION, VersionId
from mys3d.model.objects import marker
from mys3d.registry import keys, stack, tables
from mys3d.registry.memory import MemoryRows
from mys3d.registry.transaction import Overlay


@pytest.fixture
def tx():
    """A key with a hidden null version 3, a hidden marker 4, and the visible version 9 of another key."""
    found = Overlay(MemoryRows())
    stack.hide(found, 2, "k", marker(1, VersionId(3), True, 0))
    stack.hide(found, 2, "k", marker(1, VersionId(4), False, 0))
    tables.put_live(found, 2, "other", marker(1, VersionId(9), False, 0))
    return found


def test_the_null_version_is_named_null_and_nothing_else(tx):
    assert stack.find(tx, 2, "k", NULL_VERSION).id == 3
    assert stack.find(tx, 2, "k", 3) is None
    assert stack.made_at(tx, 2, "k", 3).is_null


def test_the_newest_is_found_first(tx):
    assert stack.newest_hidden(tx, 2, "k").id == 4
    assert stack.newest_hidden(tx, 2, "other") is None


def test_a_visible_version_is_found_by_its_id(tx):
    assert stack.find(tx, 2, "other", 9) == stack.made_at(tx, 2, "other", 9)
    assert stack.find(tx, 2, "other", NULL_VERSION) is None


def test_what_was_hidden_and_dropped_leaves_no_row(tx):
    for index in (3, 4):
        stack.drop_hidden(tx, 2, "k", stack.made_at(tx, 2, "k", index))
    assert [key for key, row in tx.writes() if row is not None] == [keys.live(2, "other")]


def test_a_pointer_leads_to_the_hidden_null_version(tx):
    assert stack.pointer(tx, keys.null_pointer(2, "k")[1:]) == 3
    assert stack.pointer(tx, keys.null_pointer(2, "other")[1:]) is None
