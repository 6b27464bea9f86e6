"""Tokens, joins and what a member says of itself."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
import trio

from mys3d import limits
from mys3d.engine.admission import Description, admit, announce, create_token
from mys3d.errors import OutcomeUnknown, Reason, Rejected, Unavailable
from mys3d.model.digest import digest_of
from mys3d.model.members import Addresses, MemberState
from mys3d.model.names import NodeId
from mys3d.registry import codec, keys, queries
from mys3d.registry.commands import JoinMember
from mys3d.registry.levels import LEVEL

MakeGrid = Callable[[int], Awaitable[Any]]
NEW = NodeId("e" * 32)


def join(secret: bytes) -> JoinMember:
    return JoinMember(digest_of(secret), NEW, "n9", b"i" * 16, Addresses("s:9", "a:9", "p:9"), "z", 10**12, LEVEL)


async def test_a_token_admits_one_node_as_a_joining_member(make_grid: MakeGrid) -> None:
    grid = await make_grid(2)
    secret, expires_at = await create_token(grid[0].ports)
    assert len(secret) == 16
    assert 0 < expires_at - grid[0].ports.clock.now() <= limits.token_lifetime_seconds * 1000
    admission = await admit(grid[1].ports, join(secret))
    assert admission.cluster_id == b"c" * 16
    assert {member.id for member in admission.members} == {*grid.ids, NEW}
    member = queries.member(grid[0].ports.registry.view(), NEW)
    assert member is not None
    assert member.state is MemberState.JOINING


async def test_a_token_is_used_once(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    secret, _ = await create_token(grid[0].ports)
    await admit(grid[0].ports, join(secret))
    with pytest.raises(Rejected) as refusal:
        await admit(grid[0].ports, msgspec.structs.replace(join(secret), node=NodeId("f" * 32)))
    assert refusal.value.reason is Reason.TOKEN_INVALID


async def test_an_unknown_token_is_refused(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    with pytest.raises(Rejected) as refusal:
        await admit(grid[0].ports, join(b"made up"))
    assert refusal.value.reason is Reason.TOKEN_INVALID
    assert queries.member(grid[0].ports.registry.view(), NEW) is None


async def test_two_tokens_differ(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    assert (await create_token(grid[0].ports))[0] != (await create_token(grid[0].ports))[0]


@pytest.mark.parametrize("has_happened", [True, False])
async def test_a_join_in_doubt_is_settled_by_the_members_row(
    make_grid: MakeGrid, monkeypatch: Any, has_happened: bool
) -> None:
    grid = await make_grid(1)
    secret, _ = await create_token(grid[0].ports)
    propose = grid[0].ports.registry.propose

    async def doubtful(command: Any) -> None:
        if has_happened:
            await propose(command)
        raise OutcomeUnknown(b"o" * 16)

    monkeypatch.setattr(grid[0].ports.registry, "propose", doubtful)
    if has_happened:
        assert NEW in {member.id for member in (await admit(grid[0].ports, join(secret))).members}
        return
    with pytest.raises(Unavailable, match="not settled"):
        await admit(grid[0].ports, join(secret))


async def test_a_moved_node_announces_its_new_address_once(make_grid: MakeGrid) -> None:
    grid = await make_grid(2)
    before = queries.member(grid[1].ports.registry.view(), grid.ids[1])
    assert before is not None
    moved = Description(before.incarnation, Addresses("new:1", "new:2", "new:3"), before.zone, before.capacity_bytes)
    await announce(grid[1].ports, moved)
    after = queries.member(grid[0].ports.registry.view(), grid.ids[1])
    assert after == msgspec.structs.replace(before, addresses=moved.addresses)
    index = queries.applied(grid[0].ports.registry.view())
    await announce(grid[1].ports, moved)
    assert queries.applied(grid[0].ports.registry.view()) == index


async def test_a_node_announces_itself_as_soon_as_the_cluster_answers(
    make_grid: MakeGrid, monkeypatch: Any, autojump_clock: Any
) -> None:
    grid = await make_grid(1)
    barrier, asked = grid[0].ports.registry.barrier, 0

    async def late() -> Any:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise Unavailable("no majority")
        return await barrier()

    monkeypatch.setattr(grid[0].ports.registry, "barrier", late)
    with trio.fail_after(10):
        await announce(grid[0].ports, Description(b"n" * 16, Addresses("x:1", "x:2", "x:3"), "zone-b", 5))
    member = queries.member(grid[0].ports.registry.view(), grid.ids[0])
    assert member is not None
    assert (member.zone, member.capacity_bytes) == ("zone-b", 5)
    assert member.incarnation != b"n" * 16, "who votes is not announced"


async def test_newer_software_announces_what_it_knows(make_grid: MakeGrid) -> None:
    grid = await make_grid(2)
    view = grid[1].ports.registry.view()
    before = queries.member(view, grid.ids[1])
    assert before is not None
    old = msgspec.structs.replace(before, level=0)
    for node in grid.nodes:
        node.ports.registry.rows.commit([(keys.member(before.id), codec.encode(old))])
    await announce(grid[1].ports, Description(before.incarnation, before.addresses, before.zone, before.capacity_bytes))
    assert queries.member(view, grid.ids[1]) == before
