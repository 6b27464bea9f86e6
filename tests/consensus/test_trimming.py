"""Which segments may go, told against a log that is replayed from what is left."""

from random import Random

from mys3d.consensus.trimming import Extent, dropped_count


def test_segments_at_or_below_the_floor_go_and_the_last_one_stays():
    extents = [Extent(1, 10, None), Extent(10, 20, None), Extent(20, 30, None)]
    assert [dropped_count(extents, floor) for floor in (9, 10, 19, 20, 30, 99)] == [0, 1, 1, 2, 2, 2]
    assert dropped_count(extents[:1], 99) == 0


def test_a_segment_that_voids_entries_below_its_base_keeps_those_before_it():
    extents = [Extent(1, 100, None), Extent(100, 200, 51), Extent(200, 300, None)]
    assert dropped_count(extents, 150) == 0
    assert dropped_count(extents, 200) == 2


def test_a_later_segment_that_voids_entries_below_an_earlier_base_keeps_that_one():
    extents = [Extent(1, 100, None), Extent(100, 120, None), Extent(120, 130, 90), Extent(130, 140, None)]
    assert dropped_count(extents, 110) == 0
    assert dropped_count(extents, 130) == 3


def replayed(segments):
    """The log that segments tell, as {index: value} above the first one's base; None when it cannot be told."""
    base, log = segments[0][0], {}
    last = base
    for _, records in segments:
        for kind, index, value in records:
            if kind == "void":
                if not base < index <= last:
                    return None
                log = {key: kept for key, kept in log.items() if key < index}
                last = index - 1
            elif index != last + 1:
                return None
            else:
                log[index] = value
                last = index
    return log


def extent(segment):
    base, records = segment
    voids = [index for kind, index, _ in records if kind == "void"]
    return Extent(base, max([index for _, index, _ in records], default=base), min(voids, default=None))


def test_what_is_left_always_tells_the_log_above_the_floor():
    dice = Random(4)
    dropped = 0
    for _ in range(3000):
        segments, last, commit, value = [(1, [])], 1, 1, 0
        for _ in range(dice.randrange(2, 60)):
            act = dice.random()
            if act < 0.2:
                segments.append((last, []))
            elif act < 0.3 and last > commit:
                void = dice.randint(commit + 1, last)
                segments[-1][1].append(("void", void, 0))
                last = void - 1
            elif act < 0.5:
                commit = dice.randint(commit, last)
            else:
                last, value = last + 1, value + 1
                segments[-1][1].append(("entry", last, value))
        whole = replayed(segments)
        count = dropped_count([extent(segment) for segment in segments], commit)
        left = replayed(segments[count:])
        assert left is not None
        assert {key: kept for key, kept in whole.items() if key > segments[count][0]} == left
        assert segments[count][0] <= commit or count == 0
        dropped += count
    assert dropped > 1000
