"""Lists of grants as values."""

from mys3d.model.acl import (
    ALL_USERS,
    AUTHENTICATED_USERS,
    LOG_DELIVERY,
    Grant,
    Permission,
    is_public,
    ordered,
    private_to,
)
from mys3d.model.names import UserId

ANN = UserId("a" * 64)


def test_what_is_private_grants_full_control_to_its_owner() -> None:
    assert private_to(ANN) == (Grant(ANN, Permission.FULL_CONTROL),)


def test_groups_stand_first_and_otherwise_the_order_is_kept() -> None:
    mine, write, read = (
        Grant(ANN, Permission.READ),
        Grant(ALL_USERS, Permission.WRITE),
        Grant(ALL_USERS, Permission.READ),
    )
    assert ordered((mine, write, read)) == (write, read, mine)


def test_only_what_everybody_gets_is_public() -> None:
    assert is_public((*private_to(ANN), Grant(ALL_USERS, Permission.READ)))
    assert is_public((Grant(AUTHENTICATED_USERS, Permission.READ_ACP),))
    assert not is_public((*private_to(ANN), Grant(LOG_DELIVERY, Permission.WRITE)))
    assert not is_public(())
