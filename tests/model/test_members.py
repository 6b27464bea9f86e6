"""The layout: where a blob is written, and where it is looked for."""

from mys3d.model.members import Layout, MemberState
from mys3d.model.names import Epoch, LogIndex, NodeId, Partition

A, B, C, D = (NodeId(letter * 32) for letter in "abcd")
P = Partition(7)


def layout(base: tuple[NodeId, ...], target: tuple[NodeId, ...] | None = None) -> Layout:
    everywhere = () if target is None else (target,) * 1024
    return Layout(1, Epoch(2), Epoch(1), LogIndex(0), (base,) * 1024, everywhere)


def test_outside_a_transition_blobs_are_written_and_read_at_the_base() -> None:
    calm = layout((A, B, C))
    assert calm.homes(P) == (A, B, C)
    assert calm.readable(P) == (A, B, C)


def test_during_a_transition_blobs_are_written_to_the_target() -> None:
    assert layout((A, B), (B, C, D)).homes(P) == (B, C, D)


def test_during_a_transition_old_homes_are_read_after_the_new_ones_and_none_twice() -> None:
    assert layout((A, B), (B, C, D)).readable(P) == (B, C, D, A)
    assert layout((A, B), (B, A)).readable(P) == (B, A)


def test_no_old_home_is_forgotten_while_a_transition_runs() -> None:
    assert set(layout((A, B, C), (D,)).readable(P)) == {A, B, C, D}


def test_each_partition_has_its_own_homes() -> None:
    base = tuple((A,) if partition % 2 else (B,) for partition in range(1024))
    spread = Layout(1, Epoch(1), Epoch(0), LogIndex(0), base)
    assert spread.homes(Partition(0)) == (B,)
    assert spread.homes(Partition(1023)) == (A,)


def test_states_are_stored_by_name() -> None:
    assert [str(state) for state in MemberState] == ["joining", "active", "leaving"]
