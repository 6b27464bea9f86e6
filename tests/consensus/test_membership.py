"""Who votes, as the log says."""

import pytest

from mys3d.consensus import membership
from mys3d.consensus.membership import Voters

A, B, C = (letter * 32 for letter in "abc")


def change(index, node, votes):
    return membership.encode_change(node, votes), index, 1


def test_a_change_reads_back():
    assert membership.decode_change(membership.encode_change(A, votes=True)) == (A, True)
    with pytest.raises(ValueError):
        membership.decode_change(b"\x02garbage")


def test_a_change_is_in_force_as_soon_as_it_is_in_the_log():
    voters = Voters(frozenset({A}))
    assert voters.added(change(5, B, votes=True))
    assert voters.now() == {A, B}


def test_other_entries_change_nothing():
    voters = Voters(frozenset({A}))
    assert not voters.added((b"\0command", 5, 1))
    assert voters.now() == {A}


def test_cutting_the_log_takes_its_changes_back():
    voters = Voters(frozenset({A, C}))
    voters.added(change(5, B, votes=True))
    voters.added(change(6, C, votes=False))
    assert voters.cut(6)
    assert voters.now() == {A, B, C}
    assert not voters.cut(6)


def test_a_repeated_change_that_is_cut_leaves_the_first_one_in_force():
    voters = Voters(frozenset({A}))
    voters.added(change(5, B, votes=True))
    voters.added(change(6, B, votes=True))
    voters.cut(6)
    assert voters.now() == {A, B}


def test_a_pending_removal_is_found_by_its_node():
    voters = Voters(frozenset({A, B, C}))
    voters.added(change(5, C, votes=False))
    assert voters.removal_of(C) == 5
    assert voters.removal_of(B) is None
    voters.added(change(7, C, votes=True))
    assert voters.removal_of(C) is None
    voters.cut(7)
    voters.settle(5)
    assert voters.removal_of(C) is None


def test_an_applied_change_is_part_of_the_row_and_no_longer_pending():
    voters = Voters(frozenset({A, C}))
    voters.added(change(5, B, votes=True))
    voters.added(change(9, C, votes=False))
    voters.settle(5)
    assert voters.applied == {A, B, C}
    assert [found[0] for found in voters.changes] == [9]
    assert voters.now() == {A, B}
