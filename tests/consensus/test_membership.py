"""Who votes, as the log says."""

import pytest

from mys3d import limits
from mys3d.consensus import membership
from mys3d.consensus.membership import Voters

A, B, C = (letter * 32 for letter in "abc")


def change(index, node, votes):
    return membership.encode_change(node, votes), index, 1


def test_a_change_reads_back():
    assert membership.decode_change(membership.encode_change(A, votes=True)) == (A, True, b"")
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


def test_entries_without_an_incarnation_are_read():
    assert membership.decode_change(bytes.fromhex("0292a16ec3")) == ("n", True, b"")


@pytest.mark.parametrize(
    "command",
    [
        b"",
        b"\x07unknown",
        b"\x02",
        b"\x02garbage",
        bytes.fromhex("0292a0c3"),
        membership.encode_change(A, True, b"short"),
        membership.encode_change("n" * 200, True),
        bytes(2 + limits.command_bytes_max),
    ],
)
def test_what_nobody_could_apply_is_not_sound(command):
    assert not membership.is_sound(command)


def test_commands_of_every_kind_are_sound():
    for command in (b"\0x", b"\x01", membership.encode_change(A, True, b"i" * 16), bytes(1 + limits.command_bytes_max)):
        assert membership.is_sound(command)


def test_a_voter_has_the_incarnation_of_its_latest_promotion():
    voters = Voters(frozenset({A, B}), pins={A: b"1" * 16})
    assert voters.incarnation_of(A) == b"1" * 16
    voters.added(change(5, A, votes=False))
    voters.added((membership.encode_change(A, True, b"2" * 16), 6, 1))
    assert voters.incarnation_of(A) == b"2" * 16
    voters.cut(6)
    assert voters.incarnation_of(A) == b"1" * 16
    voters.added((membership.encode_change(A, True, b"2" * 16), 6, 1))
    voters.settle(6)
    assert (voters.incarnation_of(A), voters.incarnation_of(B)) == (b"2" * 16, b"")


def test_a_pair_is_two_applied_voters_and_nothing_behind():
    voters = Voters(frozenset({A, B}))
    assert voters.is_pair()
    voters.added(change(5, C, votes=True))
    assert not voters.is_pair()
    assert voters.before(5) == {A, B}
    assert voters.promotion_of(C) == 5
    assert voters.promotion_of(A) is None
