"""Who votes, decided from what a leader knows."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mys3d.engine.voting import Electorate, SetVoter, voters_wanted, voting_duty
from mys3d.model.members import Addresses, Member, MemberState
from mys3d.model.names import LogIndex, NodeId
from mys3d.registry.commands import UpdateMember

A, B, C, D, E, F = (NodeId(letter * 32) for letter in "abcdef")
OLD, NEW = b"o" * 16, b"n" * 16


def member(node: NodeId, state: MemberState = MemberState.ACTIVE, joined_at: int = 1) -> Member:
    return Member(1, node, node[:2], OLD, Addresses("s:1", "a:1", "p:1"), "", 10**12, state, LogIndex(joined_at))


def among(*nodes: NodeId) -> Callable[[NodeId], bool]:
    return lambda node: node in nodes


def known(*nodes: NodeId, voters: int = 3) -> Electorate:
    return Electorate(
        members=tuple(member(node, joined_at=number) for number, node in enumerate(nodes)),
        voters=nodes[:voters],
        leader=A,
        caught_up=among(*nodes),
        incarnation=lambda _: OLD,
        is_up=among(*nodes),
        is_dead=among(),
    )


def without(electorate: Electorate, *dead: NodeId) -> Electorate:
    """The same, with nodes that have been silent for long."""
    up = among(*(each.id for each in electorate.members if each.id not in dead))
    return replace(electorate, is_up=up, is_dead=among(*dead))


def reborn(electorate: Electorate, *nodes: NodeId) -> Electorate:
    return replace(electorate, incarnation=lambda node: NEW if node in nodes else OLD)


@pytest.mark.parametrize(("members", "voters"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 5), (6, 5), (20, 5)])
def test_voters_follow_the_number_of_members(members: int, voters: int) -> None:
    assert voters_wanted(members) == voters


def test_voters_who_are_all_up_stay() -> None:
    assert voting_duty(known(A, B, C, D)) is None


def test_a_dead_voter_is_replaced_before_it_loses_its_vote() -> None:
    four = without(known(A, B, C, D), C)
    assert voting_duty(four) == SetVoter(D)
    assert voting_duty(replace(four, voters=(A, B, C, D))) == SetVoter(C, False)
    assert voting_duty(replace(four, voters=(A, B, D))) is None


def test_a_dead_voter_that_nobody_can_replace_stays() -> None:
    assert voting_duty(without(known(A, B, C), C)) is None
    assert voting_duty(without(known(A, B, C, D, E, voters=5), E)) is None
    assert voting_duty(replace(without(known(A, B, C, D), C), caught_up=among(A, B))) is None
    assert voting_duty(without(known(A, B, C, D), C, D)) is None


def test_of_five_voters_one_is_replaced_by_the_sixth_member() -> None:
    six = without(known(A, B, C, D, E, F, voters=5), B)
    assert voting_duty(six) == SetVoter(F)
    assert voting_duty(replace(six, voters=(A, B, C, D, E, F))) == SetVoter(B, False)


def test_a_voter_that_returns_in_time_costs_the_newcomer_its_vote_and_never_the_leader() -> None:
    assert voting_duty(replace(known(A, B, C, D), voters=(A, B, C, D))) == SetVoter(D, False)
    assert voting_duty(replace(known(A, B, C, D), voters=(A, B, C, D), leader=D)) == SetVoter(C, False)


def test_no_vote_is_taken_while_the_rest_would_have_no_majority() -> None:
    four = replace(without(known(A, B, C, D), C), voters=(A, B, C, D), is_up=among(A))
    assert voting_duty(four) is None


def test_a_voter_in_another_incarnation_loses_its_vote_and_is_a_learner_of_that_name() -> None:
    three = reborn(known(A, B, C), C)
    assert voting_duty(three) == SetVoter(C, False)
    assert voting_duty(replace(three, voters=(A, B))) == UpdateMember(C, incarnation=NEW)


def test_it_keeps_its_vote_while_the_others_have_no_majority() -> None:
    assert voting_duty(replace(reborn(known(A, B, C), C), is_up=among(A, C))) is None
    assert voting_duty(reborn(known(A, B, C), B, C)) is None


def test_the_partner_of_a_pair_takes_the_vote_of_one_who_forgot() -> None:
    assert voting_duty(reborn(known(A, B, voters=2), B)) == SetVoter(B, False)


def test_a_leaving_voter_gives_its_vote_to_a_learner_or_away() -> None:
    four = known(A, B, C, D)
    leaving = replace(four, members=(*four.members[:2], member(C, MemberState.LEAVING), four.members[3]))
    assert voting_duty(leaving) == SetVoter(D)
    assert voting_duty(replace(leaving, voters=(A, B, C, D))) == SetVoter(C, False)
    three = replace(leaving, members=leaving.members[:3])
    assert voting_duty(three) == SetVoter(C, False)
