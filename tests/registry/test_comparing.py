"""Stretches of rows and their names."""

from hypothesis import given
from hypothesis import strategies as st

from mys3d.registry.comparing import digest_rows
from mys3d.registry.memory import MemoryRows

row_keys = st.binary(min_size=1, max_size=3).filter(lambda key: key[0] < 0xFF)
tables = st.dictionaries(row_keys, st.binary(max_size=3), max_size=20)


def walked(rows, rows_max):
    """All stretches, from the first to the last."""
    found = [digest_rows(rows, b"", rows_max)]
    while found[-1].next_start:
        found.append(digest_rows(rows, found[-1].next_start, rows_max))
    return found


@given(rows=tables, rows_max=st.integers(1, 7))
def test_a_walk_names_every_row_once_in_bounded_stretches(rows, rows_max):
    found = walked(MemoryRows(rows.items()), rows_max)
    assert sum(stretch.rows_count for stretch in found) == len(rows)
    assert all(stretch.rows_count <= rows_max for stretch in found)


@given(one=tables, other=tables, rows_max=st.integers(1, 7))
def test_names_are_equal_exactly_when_the_rows_are(one, other, rows_max):
    left, right = walked(MemoryRows(one.items()), rows_max), walked(MemoryRows(other.items()), rows_max)
    assert (left == right) == (one == other)


def test_keys_and_values_do_not_run_into_each_other():
    assert digest_rows(MemoryRows([(b"ab", b"c")]), b"", 9) != digest_rows(MemoryRows([(b"a", b"bc")]), b"", 9)


def test_many_rows_are_hashed_in_pieces_without_changing_the_name():
    rows = MemoryRows((b"k%06d" % number, b"v") for number in range(2_500))
    whole = digest_rows(rows, b"", 10_000)
    assert whole.rows_count == 2_500
    assert digest_rows(rows, b"", 2_500).digest == whole.digest
    assert digest_rows(rows, b"", 2_499).next_start == b"k002499"
