"""How parts make one object, against the plainest way to say it."""

from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from mys3d.model.uploads import PartRun, PartTable, runs_of

SOME_PARTS = st.dictionaries(st.integers(1, 60), st.sampled_from([0, 1, 5, 5, 5, 9]), max_size=40)


def test_equal_parts_in_a_row_are_one_run():
    assert runs_of([(1, 5), (2, 5), (3, 2)]) == (PartRun(1, 2, 5), PartRun(3, 1, 2))
    assert runs_of([(1, 5), (3, 5)]) == (PartRun(1, 1, 5), PartRun(3, 1, 5))
    assert runs_of([]) == ()


@settings(max_examples=50, deadline=None)
@given(SOME_PARTS)
def test_a_table_says_what_its_parts_say(found):
    parts = sorted(found.items())
    table = PartTable(runs_of(parts))
    offsets = list(accumulate((size for _, size in parts), initial=0))
    assert (table.parts_count, table.size) == (len(parts), offsets[-1])
    for place, (number, size) in enumerate(parts):
        assert table.number(place + 1) == number
        assert table.part_range(place + 1) == (offsets[place], offsets[place] + size)
        for offset in range(offsets[place], offsets[place] + size):
            assert table.ordinal_at(offset) == place + 1
    assert [number for number in range(62) if table.names(number)] == [number for number, _ in parts]
    assert table.part_range(0) is None
    assert table.part_range(len(parts) + 1) is None
