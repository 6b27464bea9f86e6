"""The overlay against a model: a dictionary that is simply written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mys3d.registry import transaction
from mys3d.registry.memory import MemoryRows
from mys3d.registry.transaction import Overlay

row_keys = st.binary(min_size=1, max_size=2)
rows = st.dictionaries(row_keys, st.binary(max_size=2), max_size=8)
writes = st.lists(st.tuples(row_keys, st.none() | st.binary(max_size=2)), max_size=8)


def write(overlay, model, changes):
    for key, value in changes:
        if value is None:
            overlay.delete(key)
            model.pop(key, None)
        else:
            overlay.put(key, value)
            model[key] = value


def written(base, changes):
    overlay, model = Overlay(MemoryRows(base.items())), dict(base)
    write(overlay, model, changes)
    return overlay, model


@given(rows, writes, st.booleans())
def test_an_overlay_reads_as_if_it_had_been_written(base, changes, reverse):
    overlay, model = written(base, changes)
    expected = sorted(model.items(), reverse=reverse)
    assert list(overlay.scan(b"", b"\xff\xff\xff", reverse=reverse)) == expected
    assert {key: overlay.get(key) for key in base} == {key: model.get(key) for key in base}


@given(rows, writes, row_keys, row_keys, st.booleans())
def test_a_scan_has_the_rows_of_its_range_only(base, changes, start, stop, reverse):
    overlay, model = written(base, changes)
    expected = sorted(((key, value) for key, value in model.items() if start <= key < stop), reverse=reverse)
    assert list(overlay.scan(start, stop, reverse=reverse)) == expected


@given(rows, writes)
def test_the_writes_of_an_overlay_turn_the_base_into_what_it_shows(base, changes):
    overlay, model = written(base, changes)
    below = MemoryRows(base.items())
    below.commit(overlay.writes())
    assert dict(below.rows()) == model


@given(rows, writes, writes)
def test_an_overlay_over_an_overlay_merges_into_it(base, first, second):
    lower, model = written(base, first)
    upper = Overlay(lower)
    write(upper, model, second)
    before = lower.writes()
    assert list(upper.scan(b"", b"\xff\xff\xff")) == sorted(model.items())
    assert lower.writes() == before
    upper.merge_into(lower)
    assert list(lower.scan(b"", b"\xff\xff\xff")) == sorted(model.items())


def test_writing_while_a_scan_is_open_does_not_change_the_scan():
    overlay = Overlay(MemoryRows([(b"a", b"1"), (b"c", b"3")]))
    overlay.put(b"b", b"2")
    scan = overlay.scan(b"", b"z")
    overlay.put(b"d", b"4")
    overlay.delete(b"b")
    assert [key for key, _ in scan] == [b"a", b"b", b"c"]


def test_the_base_is_read_once_for_each_row():
    class Counting(MemoryRows):
        reads = 0

        def get(self, key, /):
            self.reads += 1
            return super().get(key)

    base = Counting([(b"a", b"1")])
    overlay = Overlay(base)
    assert [overlay.get(b"a"), overlay.get(b"a"), overlay.get(b"x"), overlay.get(b"x")] == [b"1", b"1", None, None]
    assert base.reads == 2


def test_rows_that_were_read_ahead_are_not_read_again_and_writes_go_before_them():
    overlay = Overlay(MemoryRows([(b"a", b"not read")]))
    overlay.put(b"b", b"mine")
    overlay.learn({b"a": b"1", b"b": b"1", b"c": None})
    assert [overlay.get(b"a"), overlay.get(b"b"), overlay.get(b"c")] == [b"1", b"mine", None]


@given(rows, st.lists(writes, max_size=4), st.integers(0, 3))
def test_a_scan_between_writes_shows_those_before_it(base, batches, at_once):
    """Few new keys are put among those in order, many are sorted with them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transaction, "_INSERTS_MAX", at_once)
        overlay, model = written(base, [])
        for changes in batches:
            write(overlay, model, changes)
            assert list(overlay.scan(b"", b"\xff\xff\xff")) == sorted(model.items())
