"""What happened when."""

from mys3d.bench.timeline import Timeline, longest_gap, rates


def test_bins_count_what_fell_into_them() -> None:
    assert rates([0.0, 0.4, 0.5, 1.9, 2.0], 2.0, 0.5) == [4.0, 2.0, 0.0, 2.0]
    assert rates([], 0.0, 0.5) == [0.0]
    assert len(rates([], 2.1, 0.5)) == 5


def test_the_longest_silence_is_found_at_the_edges_too() -> None:
    assert longest_gap([1.0, 1.5, 4.0, 4.5], 1.2, 5.0) == (1.5, 2.5)
    assert longest_gap([1.0], 0.5, 9.0) == (1.0, 8.0)
    assert longest_gap([], 2.0, 3.0) == (2.0, 1.0)


def test_a_stretch_tells_what_came_in_it() -> None:
    timeline = Timeline()
    for at in range(10):
        timeline.note("put", True, at + 0.5, 0.010 * (at + 1))
        timeline.note("get", at % 2 == 0, at + 0.6, 0.001)
    found = timeline.stretch("calm", 2.0, 4.0)
    assert (found.puts_per_second, found.gets_per_second, found.errors_count) == (1.0, 0.5, 1)
    assert round(found.max_ms) == 40
    empty = timeline.stretch("none", 20.0, 20.0)
    assert (empty.puts_per_second, empty.p99_ms) == (0.0, 0.0)
