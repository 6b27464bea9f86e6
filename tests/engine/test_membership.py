"""What a leader does next, decided from applied state alone."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from mys3d.engine.membership import Cluster, SetVoter, begin, next_duty, nodes_of, voters_wanted
from mys3d.model.members import Addresses, Layout, Member, MemberState
from mys3d.model.names import Epoch, LogIndex, NodeId
from mys3d.registry.commands import BeginLayout, ReleaseLayout, SealLayout, UpdateMember

ONE, TWO, THREE = (NodeId(digit * 32) for digit in "123")


def member(node: NodeId, state: MemberState = MemberState.ACTIVE) -> Member:
    return Member(1, node, node[:2], b"i" * 16, Addresses("s:1", "a:1", "p:1"), "", 10**12, state, LogIndex(1))


def layout_over(*nodes: NodeId) -> Layout:
    return Layout(1, Epoch(1), Epoch(0), LogIndex(0), base=(nodes,) * 1024)


def cluster(*members: Member, voters: tuple[NodeId, ...], layout: Layout, caught_up: bool = True) -> Cluster:
    answer: Callable[[NodeId], bool] = lambda _: caught_up  # noqa: E731 # a constant answer
    return Cluster(members, voters, layout, answer, may_seal=True)


SETTLED = cluster(member(ONE), voters=(ONE,), layout=layout_over(ONE))
JOINED = replace(SETTLED, members=(member(ONE), member(TWO, MemberState.JOINING)))


@pytest.mark.parametrize(("members", "voters"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 5), (6, 5), (20, 5)])
def test_voters_follow_the_number_of_members(members: int, voters: int) -> None:
    assert voters_wanted(members) == voters


def test_a_settled_cluster_has_nothing_to_do() -> None:
    assert next_duty(SETTLED) is None


def test_a_joiner_that_lags_is_waited_for() -> None:
    assert next_duty(replace(JOINED, caught_up=lambda _: False)) is None


def test_a_caught_up_joiner_becomes_a_voter_first_and_then_active() -> None:
    assert next_duty(JOINED) == SetVoter(TWO)
    assert next_duty(replace(JOINED, voters=(ONE, TWO))) == UpdateMember(TWO, state=MemberState.ACTIVE)


def test_a_fourth_member_stays_a_learner_and_becomes_active() -> None:
    four = NodeId("4" * 32)
    voters = (ONE, TWO, THREE)
    active = tuple(member(node) for node in voters)
    grown = cluster(*active, member(four, MemberState.JOINING), voters=voters, layout=layout_over(*voters))
    assert next_duty(grown) == UpdateMember(four, state=MemberState.ACTIVE)


def test_an_active_member_without_homes_begins_a_layout_of_the_next_epoch() -> None:
    grown = cluster(member(ONE), member(TWO), voters=(ONE, TWO), layout=layout_over(ONE))
    duty = next_duty(grown)
    assert isinstance(duty, BeginLayout)
    assert (duty.epoch, set(duty.nodes)) == (2, {ONE, TWO})
    assert all(sorted(homes) == [0, 1] for homes in duty.target)


def test_a_packed_layout_fits_a_command() -> None:
    nodes = [NodeId(f"{number:032x}") for number in range(20)]
    command = begin(layout_over(nodes[0]), tuple(member(node) for node in nodes))
    assert command is not None
    assert len(msgspec.msgpack.encode(command)) < 16 * 1024


def test_a_layout_is_sealed_once_it_may_be_and_released_once_every_home_reported() -> None:
    moving = msgspec.structs.replace(layout_over(ONE), epoch=Epoch(2), target=((ONE, TWO),) * 1024)
    grown = cluster(member(ONE), member(TWO), voters=(ONE, TWO), layout=moving)
    assert next_duty(replace(grown, may_seal=False)) is None
    assert next_duty(grown) == SealLayout(Epoch(2))
    sealed = msgspec.structs.replace(moving, sealed=Epoch(1), seal_index=LogIndex(9), reported=(TWO,))
    assert next_duty(replace(grown, layout=sealed)) is None
    reported = msgspec.structs.replace(sealed, reported=(TWO, ONE))
    assert next_duty(replace(grown, layout=reported)) == ReleaseLayout(Epoch(2))


def test_a_member_that_leaves_is_not_counted_for_voters() -> None:
    leaving = cluster(member(ONE), member(TWO, MemberState.LEAVING), voters=(ONE,), layout=layout_over(ONE))
    assert next_duty(leaving) is None


def test_the_nodes_of_a_layout_are_those_of_all_partitions() -> None:
    assert nodes_of(((ONE,), (TWO, THREE))) == {ONE, TWO, THREE}
