"""Users, their keys and their buckets."""

import pytest

from mys3d import limits
from mys3d.errors import Reason
from mys3d.model.access import User
from mys3d.model.buckets import BucketConfiguration
from mys3d.registry import invariants, queries
from mys3d.registry.commands import CreateBucket, DeleteBucket, PutCredential
from mys3d.registry.user_commands import CreateKey, CreateUser, DeleteKey, DeleteUser

ANN, BOB = "a" * 64, "b" * 64


@pytest.fixture
def users(machine):
    """A registry with two users."""
    machine.done(CreateUser(ANN, "ann", "Ann@example.com"))
    machine.done(CreateUser(BOB, "bob", ""))
    return machine


@pytest.fixture(autouse=True)
def hangs_together(machine):
    yield
    assert invariants.violations(machine.rows) == []


def own(name, owner=ANN):
    return CreateBucket(name, owner, BucketConfiguration(), is_users=True)


def test_a_user_is_found_by_id_name_and_email(users):
    ann = User(1, ANN, "ann", "Ann@example.com", queries.now(users.rows) - 1000)
    for words in (ANN, "ann", "Ann@example.com", "ann@EXAMPLE.com"):
        assert queries.find_user(users.rows, words) == ann
    assert queries.find_user(users.rows, "Ann") is None
    assert [user.name for user in queries.users(users.rows)] == ["ann", "bob"]


@pytest.mark.parametrize(
    "command",
    [
        CreateUser(ANN, "carl", ""),
        CreateUser("c" * 64, "ann", ""),
        CreateUser("c" * 64, "carl", "ann@example.com"),
    ],
)
def test_an_id_a_name_and_an_email_are_taken_once(users, make, command):
    assert make.reason(users.do(command)) == Reason.USER_EXISTS


def test_a_user_has_keys_until_they_are_deleted(users, make):
    users.done(CreateKey("K1", b"sealed", ANN))
    users.done(CreateKey("K2", b"sealed", ANN))
    users.done(CreateKey("K3", b"sealed", BOB))
    assert queries.access_keys(users.rows, ANN) == ["K1", "K2"]
    found = queries.credential(users.rows, "K1")
    assert (found.user, found.is_root, found.sealed_secret) == (ANN, False, b"sealed")
    users.done(DeleteKey("K1"))
    assert queries.credential(users.rows, "K1") is None
    assert make.reason(users.do(DeleteKey("K1"))) == Reason.NO_SUCH_ACCESS_KEY
    assert queries.access_keys(users.rows, ANN) == ["K2"]


def test_an_access_key_is_one_users(users, make):
    users.done(CreateKey("K1", b"sealed", ANN))
    assert make.reason(users.do(CreateKey("K1", b"other", BOB))) == Reason.ACCESS_KEY_EXISTS
    assert make.reason(users.do(CreateKey(BOB, b"other", ANN))) == Reason.ACCESS_KEY_EXISTS
    assert make.reason(users.do(CreateKey("K2", b"other", "c" * 64))) == Reason.NO_SUCH_USER


def test_a_users_key_is_not_replaced_by_roots_and_roots_is_no_users(users, make):
    users.done(PutCredential("root", b"sealed", "root", is_root=True, replace=True))
    users.done(CreateKey("K1", b"sealed", ANN))
    for taken in ("K1", ANN):
        command = PutCredential(taken, b"other", "root", is_root=True, replace=True)
        assert make.reason(users.do(command)) == Reason.ACCESS_KEY_EXISTS
    assert make.reason(users.do(DeleteKey("root"))) == Reason.NO_SUCH_ACCESS_KEY
    users.done(PutCredential("c" * 64, b"sealed", "root", is_root=True, replace=True))
    assert make.reason(users.do(CreateUser("c" * 64, "carl", ""))) == Reason.USER_EXISTS


def test_the_most_keys_go_with_their_user(users, make):
    for number in range(limits.keys_per_user_max):
        users.done(CreateKey(f"K{number}", b"sealed", ANN))
    assert make.reason(users.do(CreateKey("K", b"sealed", ANN))) == Reason.TOO_LARGE
    users.most_rows = 0
    users.done(DeleteUser(ANN))
    assert users.most_rows < limits.command_rows_max // 2
    assert queries.credential(users.rows, "K7") is None
    assert queries.find_user(users.rows, "ann") is None
    assert make.reason(users.do(DeleteUser(ANN))) == Reason.NO_SUCH_USER
    users.done(CreateUser("c" * 64, "ann", "ann@example.com"))


def test_a_user_has_the_buckets_it_made(users, make):
    for name in ("b-2", "b-1", "b-3"):
        users.done(own(name))
    users.done(own("b-0", BOB))
    assert [bucket.name for bucket in queries.buckets_of(users.rows, ANN, "", 2)] == ["b-1", "b-2"]
    assert [bucket.name for bucket in queries.buckets_of(users.rows, ANN, "b-2", 9)] == ["b-3"]
    assert make.reason(users.do(own("b-0"))) == Reason.BUCKET_EXISTS
    assert make.reason(users.do(own("b-1"))) == Reason.BUCKET_OWNED_BY_YOU
    assert make.reason(users.do(own("b-9", "c" * 64))) == Reason.NO_SUCH_USER
    assert make.reason(users.do(DeleteUser(BOB))) == Reason.USER_OWNS_BUCKETS
    users.done(DeleteBucket(queries.bucket(users.rows, "b-0").id, "b-0"))
    users.done(DeleteUser(BOB))


def test_a_bucket_of_an_entry_without_the_newer_field_belongs_to_its_owner(users):
    users.done(CreateBucket("old", "ROOT", BucketConfiguration()))
    assert queries.bucket(users.rows, "old").owner == "ROOT"
    users.done(DeleteBucket(queries.bucket(users.rows, "old").id, "old"))
