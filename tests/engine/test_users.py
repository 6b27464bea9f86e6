"""Users and keys as the admin API makes, tells and removes them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mys3d import limits
from mys3d.engine.users import (
    KeyAsked,
    NewUserAsked,
    UserAsked,
    UsersAsked,
    create_key,
    create_user,
    delete_key,
    delete_user,
    list_users,
)
from mys3d.engine.vault import Vault
from mys3d.errors import Reason, Rejected, Unavailable
from mys3d.registry import queries

MakeGrid = Callable[[int], Awaitable[Any]]
VAULT = Vault(b"k" * 32)


async def reason_of(asked: Awaitable[object]) -> Reason:
    with pytest.raises(Rejected) as refusal:
        await asked
    return refusal.value.reason


async def test_a_user_is_made_on_one_node_and_told_by_another(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    made = await create_user(grid[0].ports, NewUserAsked("Ann B.", "ann@example.com"))
    assert len(str(made["id"])) == 64
    assert (made["name"], made["email"], made["access_keys"]) == ("Ann B.", "ann@example.com", [])
    assert await list_users(grid[1].ports, UsersAsked()) == [made]
    assert await list_users(grid[2].ports, UsersAsked("ANN@example.com")) == [made]
    assert await reason_of(list_users(grid[2].ports, UsersAsked("carl"))) is Reason.NO_SUCH_USER
    assert await reason_of(create_user(grid[2].ports, NewUserAsked("Ann B."))) is Reason.USER_EXISTS


async def test_a_key_is_told_once_and_stored_sealed(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    ports = grid[0].ports
    user = await create_user(ports, NewUserAsked("ann"))
    made = await create_key(ports, VAULT, UserAsked("ann"))
    assert (len(str(made["access_key"])), len(str(made["secret_key"]))) == (20, 40)
    stored = queries.credential(ports.registry.view(), made["access_key"])
    assert str(made["secret_key"]).encode() not in stored.sealed_secret
    assert VAULT.open(stored.access_key, stored.sealed_secret) == made["secret_key"]
    assert stored.user == user["id"]
    (told,) = await list_users(ports, UsersAsked())
    assert told["access_keys"] == [made["access_key"]]
    await delete_key(ports, KeyAsked(str(made["access_key"])))
    assert await reason_of(delete_key(ports, KeyAsked(str(made["access_key"])))) is Reason.NO_SUCH_ACCESS_KEY
    assert await reason_of(create_key(ports, VAULT, UserAsked("bob"))) is Reason.NO_SUCH_USER


async def test_a_user_is_deleted_with_its_keys(make_grid: MakeGrid) -> None:
    ports = (await make_grid(1))[0].ports
    await create_user(ports, NewUserAsked("ann"))
    made = await create_key(ports, VAULT, UserAsked("ann"))
    gone = await delete_user(ports, UserAsked("ann"))
    assert gone["access_keys"] == [made["access_key"]]
    assert queries.credential(ports.registry.view(), made["access_key"]) is None
    assert await reason_of(delete_user(ports, UserAsked("ann"))) is Reason.NO_SUCH_USER


@pytest.mark.parametrize(
    "asked",
    [
        NewUserAsked(""),
        NewUserAsked("x" * 65),
        NewUserAsked("a\nb"),
        NewUserAsked("ann", "no address"),
        NewUserAsked("ann", "ä@example.com"),
        NewUserAsked("ann", "a@b@c"),
        NewUserAsked("ann", "a@" + "b" * 300),
    ],
)
async def test_a_name_or_address_that_is_none_is_refused(make_grid: MakeGrid, asked: NewUserAsked) -> None:
    ports = (await make_grid(1))[0].ports
    assert await reason_of(create_user(ports, asked)) is Reason.INVALID_COMMAND


async def test_there_is_a_most_of_users(make_grid: MakeGrid, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = (await make_grid(1))[0].ports
    await create_user(ports, NewUserAsked("ann"))
    monkeypatch.setattr(limits, "users_max", 1)
    assert await reason_of(create_user(ports, NewUserAsked("bob"))) is Reason.TOO_LARGE


async def test_a_node_that_hears_nobody_tells_no_users(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    grid.cluster.isolate(grid.ids[2])
    with pytest.raises(Unavailable):
        await list_users(grid[2].ports, UsersAsked())
