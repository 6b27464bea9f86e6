"""Counting."""

from mys3d.meters import Counters


def test_a_name_that_was_never_counted_is_absent() -> None:
    assert Counters().snapshot() == {}


def test_counts_add_up_by_name() -> None:
    counters = Counters()
    counters.add("puts")
    counters.add("puts")
    counters.add("bytes", 4096)
    assert counters.snapshot() == {"puts": 2, "bytes": 4096}


def test_a_reader_holds_a_copy_that_no_longer_changes() -> None:
    counters = Counters()
    counters.add("puts")
    seen = counters.snapshot()
    counters.add("puts")
    assert seen == {"puts": 1}


def test_two_sets_of_counters_share_nothing() -> None:
    first, second = Counters(), Counters()
    first.add("puts")
    assert second.snapshot() == {}
