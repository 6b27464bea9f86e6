"""Every way in which rows of users can part is told."""

import pytest

from mys3d.model.buckets import BucketConfiguration
from mys3d.registry import codec, invariants, keys, queries
from mys3d.registry.commands import CreateBucket
from mys3d.registry.records import UserNameRow, UserThingRow
from mys3d.registry.user_commands import CreateKey, CreateUser

ANN, BOB = "a" * 64, "b" * 64
THING = codec.encode(UserThingRow(1))


@pytest.fixture
def users(machine):
    """Ann has a key and a bucket, Bob has nothing."""
    machine.done(CreateUser(ANN, "ann", "ann@example.com"))
    machine.done(CreateUser(BOB, "bob", ""))
    machine.done(CreateKey("K1", b"sealed", ANN))
    machine.done(CreateBucket("photos", ANN, BucketConfiguration(), is_users=True))
    assert invariants.violations(machine.rows) == []
    return machine


@pytest.mark.parametrize(
    ("key", "row", "sentence"),
    [
        (keys.user(ANN), None, "leads to a user of another name"),
        (keys.user_name("ann"), None, "the name ann does not lead to it"),
        (keys.user_email("ann@example.com"), codec.encode(UserNameRow(1, BOB)), "does not lead to it"),
        (keys.user_name("carl"), codec.encode(UserNameRow(1, ANN)), "leads to a user of another name"),
        (keys.user_key(ANN, "K1"), None, "does not know it"),
        (keys.user_key(BOB, "K1"), THING, "which is not its own"),
        (keys.credential("K1"), None, "which is not its own"),
        (keys.user_bucket(ANN, "photos"), None, f"bucket photos: its owner {ANN} does not know it"),
        (keys.user_bucket(BOB, "photos"), THING, "which is not its own"),
        (keys.user_bucket(ANN, "none"), THING, "which is not its own"),
        (keys.user(BOB), b"\xc1", "does not decode"),
    ],
)
def test_a_row_that_is_not_as_others_say_is_told(users, key, row, sentence):
    users.rows.commit([(key, row)])
    assert sentence in " ".join(invariants.violations(users.rows))


def test_a_user_under_another_key_and_an_id_that_is_a_key_are_told(users):
    users.rows.commit([(keys.user("c" * 64), users.rows.get(keys.user(BOB)))])
    users.rows.commit([(keys.credential(BOB), users.rows.get(keys.credential("K1")))])
    told = " ".join(invariants.violations(users.rows))
    assert f"user {BOB} lies under another key" in told
    assert f"user {BOB}: its id is an access key" in told
    assert queries.find_user(users.rows, "nobody") is None
