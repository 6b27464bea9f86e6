"""The cluster; refusals are read most easily in transcripts/cluster.txt."""

from mys3d.model.members import Addresses, MemberState
from mys3d.registry import queries, tables
from mys3d.registry.commands import CreateToken, PutCredential, UpdateMember


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
    machine.done(UpdateMember("n1", addresses=addresses, capacity_bytes=5, incarnation=b"j" * 16))
    after = queries.member(machine.rows, "n1")
    assert (after.addresses, after.capacity_bytes, after.incarnation) == (addresses, 5, b"j" * 16)
    assert (after.name, after.zone, after.state, after.joined_at) == (before.name, before.zone, before.state, 1)


def test_an_access_key_is_stored_sealed(machine):
    machine.done(PutCredential("AK", b"sealed", "alice", is_root=False, replace=False))
    found = queries.credential(machine.rows, "AK")
    assert (found.sealed_secret, found.user, found.is_root) == (b"sealed", "alice", False)
    machine.done(PutCredential("AK", b"other", "alice", is_root=False, replace=True))
    assert queries.credential(machine.rows, "AK").sealed_secret == b"other"
