"""The checkers can fail."""

from tests.simulation.checks import History, different_registries, lost_puts, possible_bodies, wrong_reads


def history_of(*puts: tuple[float, float, bytes]) -> History:
    """Acknowledged puts of the key `k`: invoked, answered, body."""
    history = History()
    for began, done, body in puts:
        history.put_began("k", body)
        history.put_done(began, done, "k", body)
    return history


def test_the_last_acknowledged_put_is_the_only_possible_content() -> None:
    assert possible_bodies(history_of((0, 1, b"a"), (2, 3, b"b")), "k") == {b"b"}


def test_of_two_puts_that_overlapped_either_may_have_won() -> None:
    assert possible_bodies(history_of((0, 3, b"a"), (2, 4, b"b")), "k") == {b"a", b"b"}


def test_a_put_in_doubt_may_be_seen_and_a_refused_one_may_not() -> None:
    history = history_of((0, 1, b"a"))
    history.put_began("k", b"doubtful")
    history.put_began("k", b"refused")
    history.refused.add(b"refused")
    assert possible_bodies(history, "k") == {b"a", b"doubtful"}


def test_a_lost_put_and_an_older_content_are_found() -> None:
    history = history_of((0, 1, b"a"), (2, 3, b"b"))
    assert lost_puts(history, {"k": b"b"}) == []
    assert len(lost_puts(history, {"k": None})) == 1
    assert len(lost_puts(history, {"k": b"a"})) == 1


def test_nothing_is_lost_where_nothing_was_promised() -> None:
    history = History()
    history.put_began("k", b"a")
    assert lost_puts(history, {"k": None}) == []


def test_wrong_reads_are_found() -> None:
    history = history_of((0, 1, b"a"), (2, 3, b"b"))
    history.reads = [(1.5, 1.6, "k", b"a"), (2.5, 2.6, "k", b"a"), (2.5, 2.6, "k", b"b"), (4, 5, "k", b"b")]
    assert wrong_reads(history) == []
    for read in ((4.0, 5.0, "k", b"a"), (4.0, 5.0, "k", None), (0.5, 0.6, "k", b"b"), (4.0, 5.0, "k", b"never put")):
        history.reads = [read]
        assert len(wrong_reads(history)) == 1, read


def test_registries_that_differ_at_the_same_index_are_found() -> None:
    assert different_registries([("n1", 5, 17), ("n2", 5, 17), ("n3", 6, 4)]) == []
    assert different_registries([("n1", 5, 17), ("n2", 5, 4)]) == ["n2 and n1 differ at applied index 5"]
