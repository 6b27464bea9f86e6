"""Rows as values."""

from mys3d import limits
from mys3d.model.members import Layout
from mys3d.registry import keys, tables
from mys3d.registry.memory import MemoryRows
from mys3d.registry.transaction import Overlay


def stored(layout):
    overlay = Overlay(MemoryRows())
    tables.put_layout(overlay, layout)
    return overlay


def homes_of(count):
    """A table in which node k is known by an id of 32 hex digits."""
    return tuple(
        tuple(f"{(partition + step) % count:032x}" for step in range(3)) for partition in range(limits.partitions_count)
    )


def test_a_layout_is_read_back():
    layout = Layout(1, 5, 4, 99, homes_of(10), homes_of(11), ("a" * 32,))
    assert tables.layout(stored(layout)) == layout


def test_a_layout_of_many_nodes_is_small():
    overlay = stored(Layout(1, 5, 4, 99, homes_of(100), homes_of(101)))
    assert len(overlay.get(keys.HOMES)) < 12_500
    assert len(overlay.get(keys.LAYOUT)) < 32


def test_a_commit_is_held_against_the_small_row_only():
    overlay = stored(Layout(1, 5, 3, 0, homes_of(3), homes_of(4)))
    overlay.delete(keys.HOMES)
    assert [epoch for epoch in range(8) if tables.accepts(overlay, epoch)] == [4, 5]


def test_a_bucket_with_only_a_marker_is_not_empty():
    overlay = Overlay(MemoryRows())
    assert tables.is_empty(overlay, 3)
    overlay.put(keys.version(4, "k", 9), b"")
    assert tables.is_empty(overlay, 3)
    overlay.put(keys.version(3, "k", 9), b"")
    assert not tables.is_empty(overlay, 3)
