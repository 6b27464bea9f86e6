"""Lists that have names."""

import pytest

from mys3d.model.acl import ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY, Grant, Permission, private_to
from mys3d.model.names import UserId
from mys3d.policy.canned import of_bucket, of_object

ANN, BOB = UserId("a" * 64), UserId("b" * 64)
READ, WRITE = Permission.READ, Permission.WRITE


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("private", ()),
        ("public-read", (Grant(ALL_USERS, READ),)),
        ("public-read-write", (Grant(ALL_USERS, READ), Grant(ALL_USERS, WRITE))),
        ("authenticated-read", (Grant(AUTHENTICATED_USERS, READ),)),
    ],
)
def test_a_name_means_groups_and_the_owner(name: str, groups: tuple[Grant, ...]) -> None:
    assert of_bucket(name, ANN) == of_object(name, ANN, BOB) == (*groups, *private_to(ANN))


def test_some_names_are_of_objects_alone_or_of_buckets_alone() -> None:
    assert of_object("bucket-owner-read", ANN, BOB) == (*private_to(ANN), Grant(BOB, READ))
    assert of_object("bucket-owner-full-control", ANN, BOB) == (*private_to(ANN), *private_to(BOB))
    assert of_object("bucket-owner-read", ANN, ANN) == private_to(ANN)
    assert of_bucket("bucket-owner-full-control", ANN) == private_to(ANN)
    delivery = of_bucket("log-delivery-write", ANN)
    assert delivery is not None
    assert delivery[0] == Grant(LOG_DELIVERY, WRITE)
    assert of_object("log-delivery-write", ANN, BOB) is None


def test_no_other_name_has_a_list() -> None:
    assert of_bucket("public", ANN) is None
    assert of_object("public", ANN, ANN) is None
