"""The cluster; refusals are read most easily in transcripts/cluster.txt."""

from mys3d.errors import Reason, Rejected
from mys3d.model.members import Addresses, MemberState
from mys3d.registry import queries, tables
from mys3d.registry.commands import CreateToken, PutCredential, RemoveMember, UpdateMember


def test_a_joiner_learns_and_holds_nothing_yet(machine):
    machine.join("n2")
    member = queries.member(machine.rows, "n2")
    assert (member.state, member.joined_at, member.zone) == (MemberState.JOINING, machine.index, "z2")
    assert queries.voters(machine.rows) == ("n1",)


def test_a_token_is_kept_until_it_expires_and_dropped_when_the_next_is_made(machine):
    now = queries.now(machine.rows)
    machine.done(CreateToken(b"a", now + 2500))
    machine.done(CreateToken(b"b", now + 10_000))
    assert [token.secret_digest for token in tables.tokens(machine.rows)] == [b"a", b"b"]
    machine.done(CreateToken(b"c", now + 10_000))
    assert [token.secret_digest for token in tables.tokens(machine.rows)] == [b"b", b"c"]


def test_an_update_changes_what_it_names_and_nothing_else(machine):
    before = queries.member(machine.rows, "n1")
    addresses = Addresses("a:1", "a:2", "a:3")
    machine.done(UpdateMember("n1", addresses=addresses, capacity_bytes=5))
    after = queries.member(machine.rows, "n1")
    assert (after.addresses, after.capacity_bytes, after.incarnation) == (addresses, 5, before.incarnation)
    assert (after.name, after.zone, after.state, after.joined_at) == (before.name, before.zone, before.state, 1)


def test_the_incarnation_of_a_learner_changes_and_that_of_a_voter_only_by_its_promotion(machine):
    machine.join("n2")
    machine.done(UpdateMember("n2", incarnation=b"j" * 16))
    assert queries.incarnations(machine.rows)["n2"] == b"j" * 16
    refused = machine.do(UpdateMember("n1", incarnation=b"j" * 16))
    assert refused == Rejected(Reason.MEMBER_VOTES, "n1")
    machine.vote("n2", True, b"k" * 16)
    assert queries.voters(machine.rows) == ("n1", "n2")
    assert queries.incarnations(machine.rows)["n2"] == b"k" * 16
    machine.vote("n2", False, b"")
    assert queries.incarnations(machine.rows)["n2"] == b"k" * 16


def test_a_member_goes_once_it_leaves_and_has_neither_a_vote_nor_a_partition(machine):
    machine.join("n2")
    assert machine.do(RemoveMember("n3")) == Rejected(Reason.NO_SUCH_MEMBER, "n3")
    assert machine.do(RemoveMember("n2")) == Rejected(Reason.STILL_NEEDED, "n2")
    machine.done(UpdateMember("n2", state=MemberState.LEAVING))
    machine.vote("n2", True, b"k" * 16)
    assert machine.do(RemoveMember("n2")) == Rejected(Reason.STILL_NEEDED, "n2")
    machine.vote("n2", False, b"")
    machine.done(RemoveMember("n2"))
    assert queries.member(machine.rows, "n2") is None
    machine.done(UpdateMember("n1", state=MemberState.LEAVING))
    assert machine.do(RemoveMember("n1")) == Rejected(Reason.STILL_NEEDED, "n1")


def test_an_access_key_is_stored_sealed(machine):
    machine.done(PutCredential("AK", b"sealed", "alice", is_root=False, replace=False))
    found = queries.credential(machine.rows, "AK")
    assert (found.sealed_secret, found.user, found.is_root) == (b"sealed", "alice", False)
    machine.done(PutCredential("AK", b"other", "alice", is_root=False, replace=True))
    assert queries.credential(machine.rows, "AK").sealed_secret == b"other"
